using System.Buffers;
using System.Runtime.CompilerServices;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Content;

/// <summary>The content of one message after another on an HTTP/1 connection, and the bytes of a tunnel at last.</summary>
internal sealed class Http1ContentReader(Http1Input input, Http1Options options) : IContentReader
{
    private readonly Http1BodyReader _body = new(options);
    private SequencePosition _next;
    private long _tunnelBytes;
    private bool _isTunnel;
    private bool _isCancelled;

    /// <inheritdoc/>
    public bool IsComplete { get; private set; } = true;

    /// <inheritdoc/>
    public long ContentBytes => _isTunnel ? _tunnelBytes : _body.ContentBytes;

    /// <inheritdoc/>
    public HeaderList Trailers => _body.Trailers;

    /// <summary>Why content was refused.</summary>
    public Http1Refusal Refusal => _body.Refusal;

    /// <summary>Begins the content of the next message, which follows its head.</summary>
    public void Begin(BodyFraming framing)
    {
        _isTunnel = framing.Kind == BodyKind.Tunnel;
        _tunnelBytes = 0;
        _body.Begin(_isTunnel ? BodyFraming.None : framing);
        IsComplete = !_isTunnel && _body.IsComplete;
    }

    /// <inheritdoc/>
    public bool TryRead(out ContentRead read)
    {
        if (IsComplete)
        {
            read = new ContentRead(ContentStatus.End);
            return true;
        }

        while (input.TryRead(out InputRead arrived))
        {
            if (TryTake(arrived, out read))
            {
                return true;
            }
        }

        read = default;
        return false;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    public async ValueTask<ContentRead> ReadAsync()
    {
        ContentRead read;
        while (!TryRead(out read))
        {
            if (TryTake(await input.ReadAsync(), out read))
            {
                break;
            }
        }

        return read;
    }

    /// <inheritdoc/>
    public void Advance()
    {
        input.AdvanceTo(_next);
        IsComplete = !_isTunnel && _body.IsComplete;
    }

    /// <inheritdoc/>
    public void CancelRead()
    {
        _isCancelled = true;
        input.CancelRead();
    }

    /// <inheritdoc/>
    public void ForgetCancel() => _isCancelled = false;

    private bool TryTake(InputRead arrived, out ContentRead read)
    {
        read = default;
        switch (arrived.Status)
        {
            case InputStatus.Broken:
                read = new ContentRead(ContentStatus.Broken);
                return true;
            case InputStatus.Cancelled:
                // One that nobody waits for any more is no reason to stop.
                input.AdvanceTo(arrived.Buffer.Start);
                read = new ContentRead(ContentStatus.Cancelled);
                bool isMeant = _isCancelled;
                _isCancelled = false;
                return isMeant;
            default:
                return _isTunnel ? TryTakeTunnel(arrived, out read) : TryTakeContent(arrived, out read);
        }
    }

    private bool TryTakeTunnel(InputRead arrived, out ContentRead read)
    {
        if (!arrived.Buffer.IsEmpty)
        {
            _next = arrived.Buffer.End;
            _tunnelBytes += arrived.Buffer.Length;
            read = new ContentRead(ContentStatus.Content, arrived.Buffer);
            return true;
        }

        input.AdvanceTo(arrived.Buffer.End);
        IsComplete = arrived.Status == InputStatus.Ended;
        read = new ContentRead(ContentStatus.End);
        return IsComplete;
    }

    private bool TryTakeContent(InputRead arrived, out ContentRead read)
    {
        ReadOnlySequence<byte> rest = arrived.Buffer;
        Http1ReadStatus status = _body.Read(ref rest, out ReadOnlySequence<byte> content);
        if (status == Http1ReadStatus.Content)
        {
            _next = rest.Start;
            read = new ContentRead(ContentStatus.Content, content);
            return true;
        }

        if (status == Http1ReadStatus.NeedMore)
        {
            input.AdvanceTo(rest.Start, rest.End);
            if (arrived.Status != InputStatus.Ended)
            {
                read = default;
                return false;
            }

            status = _body.End();
        }
        else
        {
            input.AdvanceTo(rest.Start);
        }

        IsComplete = status == Http1ReadStatus.Complete;
        read = new ContentRead(IsComplete ? ContentStatus.End : ContentStatus.Refused);
        return true;
    }
}
