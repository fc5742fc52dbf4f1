using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Content;

/// <summary>Where the content of one message after another goes on an HTTP/1 connection, and the bytes of a tunnel at last.</summary>
internal sealed class Http1ContentWriter(PipeWriter output) : IContentWriter
{
    private BodyKind _kind;
    private long _remainingBytes;

    /// <inheritdoc/>
    public int UnflushedBytes => (int)Math.Min(int.MaxValue, output.UnflushedBytes);

    /// <summary>Whether the message that was begun last has been written to its end.</summary>
    public bool IsEnded { get; private set; } = true;

    /// <summary>Begins the content of a message whose head was written.</summary>
    public void Begin(BodyFraming framing)
    {
        _kind = framing.Kind;
        _remainingBytes = framing.Kind == BodyKind.Length ? framing.ContentBytes : 0;
        IsEnded = false;
    }

    /// <inheritdoc/>
    public bool TryWrite(in ReadOnlySequence<byte> content)
    {
        switch (_kind)
        {
            case BodyKind.None:
                return false;
            case BodyKind.Length:
                if (content.Length > _remainingBytes)
                {
                    return false;
                }

                _remainingBytes -= content.Length;
                Copy(content);
                return true;
            case BodyKind.Chunked:
                if (!content.IsEmpty)
                {
                    output.Advance(ChunkWriter.WriteHead(content.Length, output.GetSpan(ChunkWriter.HeadBytesMax)));
                    Copy(content);
                    output.Write(ChunkWriter.End);
                }

                return true;
            default:
                Copy(content);
                return true;
        }
    }

    /// <inheritdoc/>
    public bool TryEnd(HeaderList trailers)
    {
        switch (_kind)
        {
            case BodyKind.Length when _remainingBytes > 0:
                return false;
            case BodyKind.Chunked when trailers.Count > 0:
                IsEnded = Http1Writer.TryWriteLastChunk(trailers, output);
                return IsEnded;
            case BodyKind.Chunked:
                output.Write(ChunkWriter.Last);
                break;
            case BodyKind.Tunnel:
                output.Complete();
                break;
        }

        IsEnded = true;
        return true;
    }

    /// <inheritdoc/>
    public ValueTask<bool> FlushAsync()
    {
        if (_kind == BodyKind.Tunnel && IsEnded)
        {
            // Its completion has been its flush.
            return ValueTask.FromResult(true);
        }

        ValueTask<FlushResult> flush = output.FlushAsync();
#pragma warning disable VSTHRD103 // It has completed: nothing blocks.
        return flush.IsCompletedSuccessfully ? ValueTask.FromResult(!flush.Result.IsCompleted) : WaitAsync(flush);
#pragma warning restore VSTHRD103
    }

    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    private static async ValueTask<bool> WaitAsync(ValueTask<FlushResult> flush) => !(await flush).IsCompleted;

    private void Copy(in ReadOnlySequence<byte> content)
    {
        foreach (ReadOnlyMemory<byte> segment in content)
        {
            output.Write(segment.Span);
        }
    }
}
