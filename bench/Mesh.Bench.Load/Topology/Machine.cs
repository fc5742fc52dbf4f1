using System.Runtime.InteropServices;

namespace Mesh.Bench.Load.Topology;

/// <summary>What of the machine every figure depends on.</summary>
internal static class Machine
{
    private const string CongestionFile = "/proc/sys/net/ipv4/tcp_congestion_control";

    // Namespaces may use these and no others.
    private const string AllowedFile = "/proc/sys/net/ipv4/tcp_allowed_congestion_control";

    /// <summary>One line for the top of a report.</summary>
    /// <param name="congestion">What was asked for; null for the machine's.</param>
    public static string Describe(string? congestion)
    {
        string control = congestion ?? File.ReadAllText(CongestionFile).Trim();
        return $"{Environment.ProcessorCount} processors, {RuntimeInformation.OSDescription}, congestion control {control}";
    }

    /// <summary>Sets the congestion control of the network namespace the calling thread is in.</summary>
    /// <returns>Null, or what is wrong with it.</returns>
    public static string? TrySetCongestion(string name)
    {
        try
        {
            File.WriteAllText(CongestionFile, name);
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return $"--congestion {name}: {exception.Message}; allowed are {File.ReadAllText(AllowedFile).Trim()}";
        }
    }
}
