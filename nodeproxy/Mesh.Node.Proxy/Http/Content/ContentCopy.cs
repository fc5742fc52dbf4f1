using System.Runtime.CompilerServices;
using Mesh.Node.Proxy.Http.Grpc;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Content;

/// <summary>Moves content from one side to the other.</summary>
internal static class ContentCopy
{
    /// <summary>What is written before a flush although more is there: what one write to a socket takes well.</summary>
    private const int FlushBytes = 64 * 1024;

    /// <summary>
    /// Moves content until its end. What there is leaves in one flush, a head that was written before included; nothing that has come waits
    /// for what has not.
    /// </summary>
    /// <param name="reader">Where it comes from.</param>
    /// <param name="writer">Where it goes.</param>
    /// <param name="messages">Counts what passes; null where nobody asks.</param>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    public static async ValueTask<CopyEnd> CopyAsync(
        IContentReader reader, IContentWriter writer, GrpcMessageCounter? messages = null)
    {
        while (true)
        {
            if (!reader.TryRead(out ContentRead read))
            {
                if (writer.UnflushedBytes > 0 && !await writer.FlushAsync())
                {
                    return CopyEnd.WriterGone;
                }

                read = await reader.ReadAsync();
            }

            switch (read.Status)
            {
                case ContentStatus.Content:
                    messages?.Add(read.Bytes);
                    bool isTaken = writer.TryWrite(read.Bytes);
                    reader.Advance();
                    if (!isTaken)
                    {
                        return CopyEnd.LengthMismatch;
                    }

                    if (writer.UnflushedBytes >= FlushBytes && !await writer.FlushAsync())
                    {
                        return CopyEnd.WriterGone;
                    }

                    break;
                case ContentStatus.End:
                    if (!writer.TryEnd(reader.Trailers))
                    {
                        return CopyEnd.LengthMismatch;
                    }

                    return await writer.FlushAsync() ? CopyEnd.Completed : CopyEnd.WriterGone;
                case ContentStatus.Refused:
                    return CopyEnd.ReaderRefused;
                case ContentStatus.Broken:
                    return CopyEnd.ReaderBroken;
                default:
                    return CopyEnd.Cancelled;
            }
        }
    }
}

/// <summary>How a copy ended.</summary>
internal enum CopyEnd
{
    /// <summary>All content and its end were handed over.</summary>
    Completed,

    /// <summary>The side that sends is gone.</summary>
    ReaderBroken,

    /// <summary>What was sent is not well formed.</summary>
    ReaderRefused,

    /// <summary>The side that receives takes no more.</summary>
    WriterGone,

    /// <summary>There was more or less than the head had said, or trailers that cannot be said.</summary>
    LengthMismatch,

    /// <summary>It was given up.</summary>
    Cancelled,
}
