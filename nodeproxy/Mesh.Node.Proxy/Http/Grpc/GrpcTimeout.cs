using System.Buffers.Text;

namespace Mesh.Node.Proxy.Http.Grpc;

/// <summary>The field <c>grpc-timeout</c>: how long its client waits (gRPC over HTTP/2, "Timeout"). Pure.</summary>
internal static class GrpcTimeout
{
    private const int DigitsMax = 8;

    /// <summary>Reads a value.</summary>
    /// <param name="text">One to eight digits and a unit: H, M, S, m, u or n.</param>
    /// <param name="timeout">Rounded down to a tenth of a microsecond.</param>
    /// <returns>False for what is none: it limits nothing here, and the server judges it.</returns>
    public static bool TryParse(ReadOnlySpan<byte> text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > DigitsMax + 1 || text[..^1].ContainsAnyExceptInRange((byte)'0', (byte)'9')
            || !Utf8Parser.TryParse(text[..^1], out long value, out _))
        {
            return false;
        }

        long? ticks = text[^1] switch
        {
            (byte)'H' => value * TimeSpan.TicksPerHour,
            (byte)'M' => value * TimeSpan.TicksPerMinute,
            (byte)'S' => value * TimeSpan.TicksPerSecond,
            (byte)'m' => value * TimeSpan.TicksPerMillisecond,
            (byte)'u' => value * TimeSpan.TicksPerMicrosecond,
            (byte)'n' => value / TimeSpan.NanosecondsPerTick,
            _ => null,
        };
        timeout = new TimeSpan(ticks ?? 0);
        return ticks is not null;
    }
}
