using System.Buffers;
using System.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>
/// Reads the heads of requests (RFC 9112 §3, §5, §6), one after another on a connection. Strict: what two servers could understand
/// differently is refused. Not thread-safe; allocates nothing in steady state.
/// </summary>
/// <remarks>
/// A head is read line by line as it arrives, into a <see cref="RequestHead"/> that does not depend on the input. After a refusal the
/// reader refuses everything: nobody knows where the next request begins.
/// </remarks>
public sealed class Http1RequestReader : Http1HeadReader
{
    private RequestHead _head = s_none;
    private bool _isStarted;
    private bool _isLineRead;
    private bool _isEmptyLineSkipped;
    private bool _hasHost;

    /// <summary>Where the reader points while it reads nothing.</summary>
    private static readonly RequestHead s_none = new();

    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range.</exception>
    public Http1RequestReader(Http1Options options)
        : base(options)
    {
    }

    /// <summary>True when no byte of a request waits for its rest: the connection may close without a request being lost.</summary>
    public bool IsIdle => !_isLineRead && IsBetweenLines;

    /// <summary>True while the request line is there and the fields are not: a peer that is answered 414 or 431 is known by it.</summary>
    public bool HasRequestLine => _isLineRead;

    private protected override Http1Refusal TooLong => _isLineRead ? base.TooLong : Http1Refusal.StartLineTooLong;

    /// <summary>Reads on. After a complete head the next call begins the next one.</summary>
    /// <param name="input">Advanced past what was read; what remains is examined to its end.</param>
    /// <param name="head">Filled, the same object from call to call until it is complete. What a refused head had is in it.</param>
    public Http1ReadStatus Read(ref ReadOnlySequence<byte> input, RequestHead head)
    {
        ArgumentNullException.ThrowIfNull(head);
        if (!_isStarted)
        {
            head.Clear();
            ResetHead();
            LineBytesMax = Options.StartLineBytesMax;
            _isStarted = true;
            _isEmptyLineSkipped = false;
            _hasHost = false;
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

        if (line.IsEmpty && !_isEmptyLineSkipped)
        {
            // RFC 9112 §2.2: one, which old clients send after content.
            _isEmptyLineSkipped = true;
            return Http1ReadStatus.NeedMore;
        }

        Http1Refusal refusal = ReadRequestLine(line);
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
        isKept = false;
        switch (name.Length)
        {
            case 2 when name.SequenceEqual("te"u8):
                ReadTe(value);
                return Http1Refusal.None;

            case 4 when name.SequenceEqual("host"u8):
                return ReadHost(value);

            case 6 when name.SequenceEqual("expect"u8):
                return ReadExpect(value);

            default:
                isKept = true;
                return Http1Refusal.None;
        }
    }

    private Http1Refusal ReadRequestLine(ReadOnlySpan<byte> line)
    {
        int first = line.IndexOf((byte)' ');
        int last = line.LastIndexOf((byte)' ');
        if (first <= 0 || last == first)
        {
            return Http1Refusal.BadRequestLine;
        }

        ReadOnlySpan<byte> method = line[..first];
        if (!FieldRules.IsToken(method))
        {
            return Http1Refusal.BadMethod;
        }

        Http1Refusal refusal = ReadVersion(line[(last + 1)..], out HttpProtocol protocol);
        if (refusal != Http1Refusal.None)
        {
            return refusal;
        }

        _head.Protocol = protocol;
        _head.Method = method;
        return RequestTarget.Read(line[(first + 1)..last], _head, Options.IsHttps) ? Http1Refusal.None : Http1Refusal.BadTarget;
    }

    private Http1Refusal ReadHost(ReadOnlySpan<byte> value)
    {
        if (_hasHost)
        {
            return Http1Refusal.RepeatedHost;
        }

        _hasHost = true;
        if (!AuthorityRules.IsAuthority(value))
        {
            return Http1Refusal.BadHost;
        }

        // RFC 9112 §3.2.2: a target with an authority of its own says whom it is for, whatever Host says.
        if (_head.Authority.IsEmpty)
        {
            _head.Authority = value;
        }

        return Http1Refusal.None;
    }

    /// <summary>Of the transfer codings a client would take, trailers alone outlive this connection.</summary>
    private void ReadTe(ReadOnlySpan<byte> value)
    {
        bool isAtEnd = false;
        while (!isAtEnd)
        {
            _head.AcceptsTrailers |= Ascii.EqualsIgnoreCase(FieldRules.NextElement(ref value, ref isAtEnd), "trailers"u8);
        }
    }

    private Http1Refusal ReadExpect(ReadOnlySpan<byte> value)
    {
        // RFC 9110 §10.1.1: an HTTP/1.0 client cannot mean it.
        if (_head.Protocol == HttpProtocol.Http10)
        {
            return Http1Refusal.None;
        }

        _head.ExpectsContinue = true;
        return Ascii.EqualsIgnoreCase(value, "100-continue"u8) ? Http1Refusal.None : Http1Refusal.BadExpectation;
    }

    private Http1ReadStatus Finish()
    {
        HttpProtocol protocol = _head.Protocol;
        if (!_hasHost && protocol == HttpProtocol.Http11)
        {
            return Refuse(Http1Refusal.MissingHost);
        }

        bool isConnect = _head.IsConnect;
        Http1Refusal refusal = isConnect && HasFraming ? Http1Refusal.ContentInConnect : JudgeCodings(protocol);
        if (refusal != Http1Refusal.None)
        {
            return Refuse(refusal);
        }

        if (isConnect)
        {
            _head.Body = BodyFraming.Tunnel;
        }
        else if (IsChunked)
        {
            _head.Body = BodyFraming.Chunked;
        }
        else
        {
            _head.Body = ContentBytes >= 0 ? BodyFraming.OfLength(ContentBytes) : BodyFraming.None;
        }

        if (!_head.Upgrade.IsEmpty && !IsUpgradeOffered())
        {
            _head.Upgrade = default;
        }

        _head.ExpectsContinue &= _head.Body.HasContent;
        _head.IsPersistent = FinishConnection(protocol, _head.Fields);
        return Http1ReadStatus.Complete;
    }

    /// <summary>
    /// An upgrade of another method than GET could not become an extended CONNECT, which has none of its own. One with content takes effect
    /// after it (RFC 9110 §7.8), which nobody sends: without it there is no doubt where the tunnel begins.
    /// </summary>
    private bool IsUpgradeOffered() =>
        _head.Body.Kind == BodyKind.None && _head.Method.SequenceEqual("GET"u8) && IsUpgrade(_head.Protocol, _head.Upgrade);
}
