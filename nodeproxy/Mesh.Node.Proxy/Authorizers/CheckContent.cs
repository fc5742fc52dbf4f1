using System.Buffers;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;

namespace Mesh.Node.Proxy.Authorizers;

/// <summary>The content of a question to an authorizer: bytes that are there. Used for one after another. Lives on its loop.</summary>
internal sealed class CheckContent : IContentReader
{
    private ReadOnlyMemory<byte> _left;
    private int _readBytes;
    private bool _isCancelled;

    /// <inheritdoc/>
    public bool IsComplete => _left.IsEmpty;

    /// <inheritdoc/>
    public long ContentBytes { get; private set; }

    /// <inheritdoc/>
    public HeaderList Trailers { get; } = new();

    /// <summary>Begins the content of the next question.</summary>
    public void Begin(ReadOnlyMemory<byte> content)
    {
        _left = content;
        _isCancelled = false;
        ContentBytes = 0;
    }

    /// <inheritdoc/>
    public bool TryRead(out ContentRead read)
    {
        read = _isCancelled ? new ContentRead(ContentStatus.Cancelled)
            : _left.IsEmpty ? new ContentRead(ContentStatus.End)
            : new ContentRead(ContentStatus.Content, new ReadOnlySequence<byte>(_left));
        _readBytes = _isCancelled ? 0 : _left.Length;
        _isCancelled = false;
        return true;
    }

    /// <inheritdoc/>
    public ValueTask<ContentRead> ReadAsync()
    {
        TryRead(out ContentRead read);
        return ValueTask.FromResult(read);
    }

    /// <inheritdoc/>
    public void Advance()
    {
        ContentBytes += _readBytes;
        // What was read is let go: the question may be the last for long.
        _left = _left.Length == _readBytes ? default : _left[_readBytes..];
        _readBytes = 0;
    }

    /// <inheritdoc/>
    public void CancelRead() => _isCancelled = true;

    /// <inheritdoc/>
    public void ForgetCancel() => _isCancelled = false;
}
