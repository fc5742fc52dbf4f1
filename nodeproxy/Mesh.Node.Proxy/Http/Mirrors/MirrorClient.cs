using System.Buffers;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Content;

namespace Mesh.Node.Proxy.Http.Mirrors;

/// <summary>Whoever a mirrored request comes from: reads the answer to its end and throws it away. Lives on the loop.</summary>
internal sealed class MirrorClient(MirrorContent content) : ClientExchange
{
    private readonly Sink _sink = new();
    private bool _isGone;

    /// <inheritdoc/>
    public override IContentReader Content => content;

    /// <inheritdoc/>
    public override bool IsGone => _isGone;

    /// <summary>Takes over the head of the next request.</summary>
    public void Begin(RequestHead head)
    {
        _isGone = false;
        HasResponded = false;
        Request.CopyFrom(head);
        Request.ExpectsContinue = false;
    }

    /// <summary>Gives it up.</summary>
    public void Leave()
    {
        _isGone = true;
        IClientWatch? watch = Watch;
        Watch = null;
        watch?.OnClientGone();
    }

    /// <inheritdoc/>
    public override ValueTask<bool> InformAsync(ResponseHead head) => ValueTask.FromResult(true);

    /// <inheritdoc/>
    public override IContentWriter? TryRespond(ResponseHead head)
    {
        HasResponded = true;
        return _sink;
    }

    /// <inheritdoc/>
    public override void Abort() => _isGone = true;

    private sealed class Sink : IContentWriter
    {
        public int UnflushedBytes => 0;

        public bool TryWrite(in ReadOnlySequence<byte> content) => true;

        public bool TryEnd(HeaderList trailers) => true;

        public ValueTask<bool> FlushAsync() => ValueTask.FromResult(true);
    }
}
