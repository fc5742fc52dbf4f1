using System.Buffers;
using System.IO.Pipelines;

namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>Tells whether what arrives on a pipe begins as HTTP/2 does (RFC 9113 §3.4), and leaves it to be read.</summary>
internal static class PrefaceReader
{
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Waits for as many bytes as it takes; a connection that ends or breaks before begins as something else.</summary>
    public static async ValueTask<bool> BeginsAsHttp2Async(PipeReader input)
    {
        while (true)
        {
            ReadResult read;
            try
            {
                read = await input.ReadAsync();
            }
#pragma warning disable CA1031 // Whatever the transport completed the pipe with: whoever reads on is told.
            catch (Exception)
#pragma warning restore CA1031
            {
                return false;
            }

            bool isUndecided = MayBegin(read.Buffer, out bool isWhole) && !isWhole && !read.IsCompleted && !read.IsCanceled;
            input.AdvanceTo(read.Buffer.Start, isUndecided ? read.Buffer.End : read.Buffer.Start);
            if (!isUndecided)
            {
                return isWhole;
            }
        }
    }

    private static bool MayBegin(in ReadOnlySequence<byte> arrived, out bool isWhole)
    {
        Span<byte> first = stackalloc byte[Preface.Length];
        int bytes = (int)Math.Min(arrived.Length, first.Length);
        arrived.Slice(0, bytes).CopyTo(first);
        bool isStart = Preface.StartsWith(first[..bytes]);
        isWhole = isStart && bytes == Preface.Length;
        return isStart;
    }
}
