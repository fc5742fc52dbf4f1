using System.Buffers.Binary;
using System.Globalization;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Topology;
using Mesh.Lab.Processes;

namespace Mesh.Bench.Load.Generators;

/// <summary>
/// Unary gRPC calls one after the other over one connection, by h2load: each a message of 32 bytes that is answered with the same.
/// </summary>
internal static class GrpcCalls
{
    private const int MessageBytes = 32;

    // Compressed or not, and the length (the gRPC protocol's "length-prefixed message").
    private const int PrefixBytes = 5;

    /// <returns>The time each call took, to the end of its trailers.</returns>
    /// <exception cref="BenchException">A call failed, or was not answered with a message.</exception>
    public static async Task<LatencyHistogram> RunAsync(BenchLab bench, Contender side, int calls)
    {
        string message = Path.Combine(bench.Scratch, $"{Guid.NewGuid():N}.message");
        string log = Path.ChangeExtension(message, "log");
        byte[] bytes = new byte[PrefixBytes + MessageBytes];
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(1), MessageBytes);
        await File.WriteAllBytesAsync(message, bytes);
        CommandResult result = await side.Client.ExecuteAsync(
            "h2load", string.Create(CultureInfo.InvariantCulture, $"-n{calls}"), "-c1", "-m1", $"-d{message}", $"--log-file={log}",
            "-H", "content-type: application/grpc", "-H", "te: trailers", $"http://{side.Target}/bench.Echo/SayAsync");
        H2LoadReport report = H2LoadReport.Parse(result.Output + result.Errors);

        // A call that fails is answered with a status of 200 and no message: h2load does not know the status of gRPC.
        long expectedBytes = (long)calls * bytes.Length;
        return report.ContentBytes == expectedBytes
            ? H2LoadReport.ParseLog(File.ReadLines(log))
            : throw new BenchException($"{calls} calls brought {report.ContentBytes} bytes of messages and not {expectedBytes}");
    }
}
