using System.Text.Json;
using Mesh.Bench.Load.Measuring;

namespace Mesh.Bench.Load.Generators;

/// <summary>What <c>iperf3 --json</c> writes.</summary>
internal static class Iperf3Report
{
    private const double BitsPerGigabit = 1e9;
    private const double BytesPerGigabyte = 1e9;

    /// <returns>Gigabits per second and gigabytes, as the receiver saw them.</returns>
    /// <exception cref="BenchException">iperf3 reports an error, or nothing arrived.</exception>
    public static WorkDone Parse(string json)
    {
        using JsonDocument document = ParseDocument(json);
        if (document.RootElement.TryGetProperty("error", out JsonElement error))
        {
            throw new BenchException($"iperf3: {error.GetString()}");
        }

        JsonElement received = document.RootElement.GetProperty("end").GetProperty("sum_received");
        double bytes = received.GetProperty("bytes").GetDouble();
        return bytes > 0
            ? new WorkDone(received.GetProperty("bits_per_second").GetDouble() / BitsPerGigabit, bytes / BytesPerGigabyte)
            : throw new BenchException("iperf3: nothing arrived");
    }

    private static JsonDocument ParseDocument(string json)
    {
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException)
        {
            throw new BenchException($"iperf3 wrote no report but: {json.Trim()}");
        }
    }
}
