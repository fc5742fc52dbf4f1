using System.Buffers;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Content;

namespace Mesh.Node.Proxy.Authorizers;

/// <summary>Whoever a question to an authorizer comes from: keeps the answer, within a bound. Lives on its loop.</summary>
internal sealed class CheckClient : ClientExchange
{
    /// <summary>An answer says yes or no, and to people why; longer content is cut off.</summary>
    private const int ContentBytesMax = 64 * 1024;

    private readonly CheckContent _content = new();
    private readonly Sink _sink;
    private bool _isGone;

    public CheckClient() => _sink = new Sink(this);

    /// <inheritdoc/>
    public override IContentReader Content => _content;

    /// <inheritdoc/>
    public override bool IsGone => _isGone;

    /// <summary>The head of the answer, once there is one.</summary>
    public ResponseHead Answer { get; } = new();

    /// <summary>What the answer says in its content, cut to a bound.</summary>
    public ArrayBufferWriter<byte> AnswerContent { get; } = new();

    /// <summary>What followed it.</summary>
    public HeaderList AnswerTrailers { get; } = new();

    /// <summary>The content was longer than is kept.</summary>
    public bool IsAnswerCut { get; private set; }

    /// <summary>The answer has come whole, or all of it that is kept.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>It was given up.</summary>
    public bool HasLeft { get; private set; }

    /// <summary>Begins the next question, whose head is there.</summary>
    /// <param name="content">Its content.</param>
    public void Begin(ReadOnlyMemory<byte> content)
    {
        _isGone = false;
        HasLeft = false;
        HasResponded = false;
        IsAnswered = false;
        IsAnswerCut = false;
        AnswerContent.ResetWrittenCount();
        AnswerTrailers.Clear();
        _content.Begin(content);
    }

    /// <summary>Gives it up; false when nobody is asked.</summary>
    public bool TryLeave()
    {
        IClientWatch? watch = Watch;
        Watch = null;
        HasLeft = watch is not null;
        _isGone |= HasLeft;
        watch?.OnClientGone();
        return watch is not null;
    }

    /// <inheritdoc/>
    public override ValueTask<bool> InformAsync(ResponseHead head) => ValueTask.FromResult(true);

    /// <inheritdoc/>
    public override IContentWriter? TryRespond(ResponseHead head)
    {
        HasResponded = true;
        Answer.CopyFrom(head);
        return _sink;
    }

    /// <inheritdoc/>
    public override void Abort() => _isGone = true;

    private sealed class Sink(CheckClient client) : IContentWriter
    {
        public int UnflushedBytes => 0;

        public bool TryWrite(in ReadOnlySequence<byte> content)
        {
            if (client.AnswerContent.WrittenCount + content.Length > ContentBytesMax)
            {
                client.IsAnswerCut = true;
                client.IsAnswered = true;
                return false;
            }

            foreach (ReadOnlyMemory<byte> part in content)
            {
                client.AnswerContent.Write(part.Span);
            }

            return true;
        }

        public bool TryEnd(HeaderList trailers)
        {
            client.AnswerTrailers.CopyFrom(trailers);
            client.IsAnswered = true;
            return true;
        }

        public ValueTask<bool> FlushAsync() => ValueTask.FromResult(true);
    }
}
