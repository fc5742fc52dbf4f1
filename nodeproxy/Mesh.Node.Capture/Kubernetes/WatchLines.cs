using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>The lines of a watch: one event each.</summary>
internal static class WatchLines
{
    private const byte LineFeed = (byte)'\n';

    /// <param name="body">Of the answer.</param>
    /// <param name="bytesMax">Of a line.</param>
    /// <param name="silenceMax">How long nothing may come.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="IOException">The connection broke, nothing came for too long, or a line is too long.</exception>
    public static async IAsyncEnumerable<byte[]> ReadAsync(
        Stream body, int bytesMax, TimeSpan silenceMax, TimeProvider time, [EnumeratorCancellation] CancellationToken cancellation)
    {
        PipeReader reader = PipeReader.Create(body, new StreamPipeReaderOptions(leaveOpen: true));
        try
        {
            while (true)
            {
                ReadResult result = await ReadSomeAsync(reader, silenceMax, time, cancellation);
                ReadOnlySequence<byte> buffer = result.Buffer;
                while (buffer.PositionOf(LineFeed) is { } end)
                {
                    ReadOnlySequence<byte> line = buffer.Slice(0, end);
                    if (!line.IsEmpty)
                    {
                        yield return line.ToArray();
                    }

                    buffer = buffer.Slice(buffer.GetPosition(1, end));
                }

                if (buffer.Length > bytesMax)
                {
                    throw new IOException($"an event is longer than {bytesMax} bytes");
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted)
                {
                    // What is left is no line: the connection ended inside an event, which the next watch will bring again.
                    yield break;
                }
            }
        }
        finally
        {
            await reader.CompleteAsync();
        }
    }

    private static async Task<ReadResult> ReadSomeAsync(
        PipeReader reader, TimeSpan silenceMax, TimeProvider time, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(silenceMax, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            return await reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new IOException(
                string.Create(CultureInfo.InvariantCulture, $"the watch said nothing for {silenceMax.TotalSeconds:0.#} s"));
        }
    }
}
