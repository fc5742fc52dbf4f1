using System.Globalization;

namespace Mesh.Node.Proxy.Pods;

/// <summary>Source ports for connections made in a client's name: outside the range the kernel gives to real clients.</summary>
/// <remarks>
/// A connection bound to the client's address must not get a port the client itself uses towards the same application, or the kernel
/// finds the two connections to be one. Clients take theirs from <c>ip_local_port_range</c>, so ours come from what it leaves free.
/// Lives with one pod. Any thread; takes no lock.
/// </remarks>
internal sealed class SourcePortRange
{
    private const int LowestPort = 1_024;
    private const int HighestPort = 65_535;
    private const string SysctlFile = "/proc/sys/net/ipv4/ip_local_port_range";

    // How many ports lie below the kernel's own range, how many below and above it, and the first above.
    private readonly int _below;
    private readonly int _count;
    private readonly int _firstAbove;
    private int _next;

    /// <param name="ephemeralFirst">First port the kernel gives to clients.</param>
    /// <param name="ephemeralLast">Last such port.</param>
    /// <param name="seed">Where to begin, so that two proxies in one namespace do not run in step.</param>
    public SourcePortRange(int ephemeralFirst, int ephemeralLast, int seed)
    {
        int below = Math.Max(0, ephemeralFirst - LowestPort);
        int above = HighestPort - ephemeralLast;

        // A host whose clients use nearly everything leaves us nothing apart; then any port must do and clashes are retried.
        bool leavesRoom = below + above >= 1_024;
        _below = leavesRoom ? below : HighestPort + 1 - LowestPort;
        _count = leavesRoom ? below + above : _below;
        _firstAbove = ephemeralLast + 1;
        _next = seed;
    }

    /// <summary>Reads the range of the calling thread's network namespace.</summary>
    public static SourcePortRange ReadFromNamespace()
    {
        string[] parts = File.ReadAllText(SysctlFile).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return new SourcePortRange(
            int.Parse(parts[0], CultureInfo.InvariantCulture),
            int.Parse(parts[1], CultureInfo.InvariantCulture),
            Random.Shared.Next(HighestPort));
    }

    /// <summary>The next port to try; goes round.</summary>
    public ushort Next()
    {
        int turn = (int)((uint)Interlocked.Increment(ref _next) % (uint)_count);
        return (ushort)(turn < _below ? LowestPort + turn : _firstAbove + (turn - _below));
    }
}
