using System.Buffers;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>
/// Reads the heads of responses (RFC 9112 §4 to §6), one after another on a connection. As strict as <see cref="Http1RequestReader"/>,
/// because what a server leaves unclear becomes another client's response. Not thread-safe; allocates nothing in steady state.
/// </summary>
public sealed class Http1ResponseReader : Http1HeadReader
{
    private const int VersionBytes = 8;
    private const int StatusBytes = 3;

    private static readonly ResponseHead s_none = new();

    private ResponseHead _head = s_none;
    private bool _isStarted;
    private bool _isLineRead;
    private bool _isToHead;
    private bool _isToConnect;
    private bool _isToUpgrade;

    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range.</exception>
    public Http1ResponseReader(Http1Options options)
        : base(options)
    {
    }

    /// <summary>True when no byte of a response was read since the last one was complete.</summary>
    public bool IsIdle => !_isLineRead && IsBetweenLines;

    private protected override Http1Refusal TooLong => _isLineRead ? base.TooLong : Http1Refusal.StartLineTooLong;

    /// <summary>Says what the next responses answer: informational ones, then the final one.</summary>
    public void Begin(RequestHead request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _isToHead = request.IsHead;
        _isToConnect = request.IsConnect;
        _isToUpgrade = !request.Upgrade.IsEmpty;
        _isStarted = false;
        _isLineRead = false;
    }

    /// <summary>Reads on. After a complete head the next call begins the next one, which answers the same request.</summary>
    /// <param name="input">Advanced past what was read; what remains is examined to its end.</param>
    /// <param name="head">Filled, the same object from call to call until it is complete.</param>
    public Http1ReadStatus Read(ref ReadOnlySequence<byte> input, ResponseHead head)
    {
        ArgumentNullException.ThrowIfNull(head);
        if (!_isStarted)
        {
            head.Clear();
            ResetHead();
            LineBytesMax = Options.StartLineBytesMax;
            _isStarted = true;
        }

        _head = head;
        Http1ReadStatus status = ReadLines(ref input);
        _head = s_none;
        if (status == Http1ReadStatus.Complete)
        {
            _isStarted = false;
            _isLineRead = false;
        }

        return status;
    }

    private protected override Http1ReadStatus OnLine(ReadOnlySpan<byte> line)
    {
        if (_isLineRead)
        {
            Http1ReadStatus status = ReadField(line, _head.Fields);
            return status == Http1ReadStatus.Complete ? Finish() : status;
        }

        Http1Refusal refusal = ReadStatusLine(line);
        if (refusal != Http1Refusal.None)
        {
            return Refuse(refusal);
        }

        _isLineRead = true;
        LimitField();
        return Http1ReadStatus.NeedMore;
    }

    private protected override void OnUpgrade(ReadOnlySpan<byte> protocol) => _head.Upgrade = protocol;

    private protected override Http1Refusal OnOtherField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, out bool isKept)
    {
        isKept = true;
        return Http1Refusal.None;
    }

    /// <summary>
    /// Reads a version, a status and perhaps a phrase, which is dropped. The space before an absent phrase may be absent too: many
    /// servers leave it out, and it delimits nothing.
    /// </summary>
    private Http1Refusal ReadStatusLine(ReadOnlySpan<byte> line)
    {
        int space = line.IndexOf((byte)' ');
        Http1Refusal refusal = ReadVersion(space < 0 ? line : line[..space], out HttpProtocol protocol);
        if (refusal != Http1Refusal.None)
        {
            return refusal;
        }

        int status = line.Length < VersionBytes + 1 + StatusBytes ? 0 : FieldRules.ParseStatus(line.Slice(VersionBytes + 1, StatusBytes));
        if (status == 0)
        {
            return Http1Refusal.BadStatusLine;
        }

        ReadOnlySpan<byte> rest = line[(VersionBytes + 1 + StatusBytes)..];
        _head.Protocol = protocol;
        _head.Status = status;
        return rest.IsEmpty || (rest[0] == (byte)' ' && FieldRules.IsValue(rest)) ? Http1Refusal.None : Http1Refusal.BadStatusLine;
    }

    private Http1ReadStatus Finish()
    {
        Http1Refusal refusal = Delimit(out BodyFraming body);
        if (refusal != Http1Refusal.None)
        {
            return Refuse(refusal);
        }

        _head.Body = body;
        if (!_head.Upgrade.IsEmpty && (_head.Status is not (101 or 426) || !IsUpgrade(_head.Protocol, _head.Upgrade)))
        {
            _head.Upgrade = default;
        }

        _head.IsPersistent = FinishConnection(_head.Protocol, _head.Fields) && body.Kind is not (BodyKind.UntilClose or BodyKind.Tunnel);
        return Http1ReadStatus.Complete;
    }

    /// <summary>The rules of RFC 9112 §6.3, in their order.</summary>
    private Http1Refusal Delimit(out BodyFraming body)
    {
        int status = _head.Status;
        body = BodyFraming.None;
        if (_isToConnect && status is >= 200 and < 300)
        {
            // 2. Whatever it says of its length is to be ignored.
            body = BodyFraming.Tunnel;
            return Http1Refusal.None;
        }

        Http1Refusal refusal = JudgeCodings(_head.Protocol);
        if (refusal != Http1Refusal.None)
        {
            return refusal;
        }

        if (status is < 200 or 204)
        {
            // 1. There is no content, so a server that announces some may be about to send bytes that would be taken for the next response.
            if (IsChunked || ContentBytes > 0)
            {
                return Http1Refusal.ContentNotAllowed;
            }

            if (status == 101)
            {
                body = BodyFraming.Tunnel;
                return _isToUpgrade && IsUpgrade(_head.Protocol, _head.Upgrade) ? Http1Refusal.None : Http1Refusal.UnexpectedUpgrade;
            }
        }
        else if (_isToHead || status == 304)
        {
            // 1. The length is that of what a GET would have brought.
            body = BodyFraming.Omitted(ContentBytes);
        }
        else if (IsChunked)
        {
            // 4.
            body = BodyFraming.Chunked;
        }
        else
        {
            // 6 and 8.
            body = ContentBytes >= 0 ? BodyFraming.OfLength(ContentBytes) : BodyFraming.UntilClose;
        }

        return Http1Refusal.None;
    }
}
