using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Bench.Micro.Connections;

/// <summary>The least a protocol does with a connection of the seam.</summary>
internal static class BenchProtocols
{
    private static ReadOnlySpan<byte> RequestEnd => "\r\n\r\n"u8;

    private static ReadOnlySpan<byte> Response => "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nHello, world\n"u8;

    /// <summary>Sends back what comes.</summary>
    public static async Task EchoAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        while (true)
        {
            ReadResult read = await input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in read.Buffer)
            {
                output.Write(segment.Span);
            }

            input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted || (await output.FlushAsync()).IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>Answers each request without a body by the same words: HTTP as far as a load generator cares.</summary>
    public static async Task HelloAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        while (true)
        {
            ReadResult read = await input.ReadAsync();
            SequencePosition consumed = AnswerAll(read.Buffer, output);
            input.AdvanceTo(consumed, read.Buffer.End);
            if (read.IsCompleted || (await output.FlushAsync()).IsCompleted)
            {
                return;
            }
        }
    }

    private static SequencePosition AnswerAll(in ReadOnlySequence<byte> buffer, PipeWriter output)
    {
        var reader = new SequenceReader<byte>(buffer);
        while (reader.TryReadTo(out ReadOnlySequence<byte> _, RequestEnd))
        {
            output.Write(Response);
        }

        return reader.Position;
    }
}
