using System.Globalization;
using System.Net.Sockets;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>The kernel settings of a namespace that capture depends on (sysctl), read and made right.</summary>
internal static class NamespaceSettings
{
    private const string IPv6 = "/proc/sys/net/ipv6";

    /// <summary>
    /// As long as the proxy lets a connection be silent. When the kernel forgets a half-closed connection sooner (it does after one or two
    /// minutes), the mark that keeps the connection captured goes with it.
    /// </summary>
    private const int HalfClosedSeconds = 3600;

    private static readonly (string Path, int AtLeast)[] s_settings =
    [
        ("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait", HalfClosedSeconds),
        ("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_fin_wait", HalfClosedSeconds),
        ("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established", HalfClosedSeconds),

        // An accepted socket shows the mark its opening packet carried: so the proxy knows what comes with its own mark.
        ("/proc/sys/net/ipv4/tcp_fwmark_accept", 1),

        // What waits in the queues of a proxy that closes its listeners goes to the next proxy's instead of being reset.
        ("/proc/sys/net/ipv4/tcp_migrate_req", 1),
    ];

    /// <summary>
    /// The families the kernel knows. Rules are written for both even where a namespace has addresses of one only: it may get others.
    /// </summary>
    public static IReadOnlyList<AddressFamily> FamiliesOfThisKernel() => Directory.Exists(IPv6)
        ? [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6]
        : [AddressFamily.InterNetwork];

    /// <summary>For messages.</summary>
    public static string NameOf(AddressFamily family) => family == AddressFamily.InterNetwork ? "IPv4" : "IPv6";

    /// <summary>The families that can carry packets in a namespace, and so need routes there.</summary>
    public static IReadOnlyList<AddressFamily> RoutedFamilies(NetNamespace network) => network.Run(0, static _ =>
        FamiliesOfThisKernel().Where(family => family == AddressFamily.InterNetwork || Interfaces().Any(IsIPv6Enabled)).ToArray());

    /// <summary>What is not as it must be, for an operator.</summary>
    public static IReadOnlyList<string> Differences(NetNamespace network) =>
    [
        .. Wrong(network).Select(wrong =>
            string.Create(CultureInfo.InvariantCulture, $"{wrong.Path} is {wrong.Value}, must be {wrong.Wanted}")),
    ];

    /// <summary>Makes everything right that is not.</summary>
    /// <param name="network">Where.</param>
    /// <param name="proc">The proc file system to write in.</param>
    /// <exception cref="CaptureException">A setting cannot be written.</exception>
    public static void Repair(NetNamespace network, string proc)
    {
        foreach ((string path, int _, int wanted) in Wrong(network))
        {
            try
            {
                network.Run((path: proc + path["/proc".Length..], wanted), static setting =>
                {
                    File.WriteAllText(setting.path, setting.wanted.ToString(CultureInfo.InvariantCulture));
                    return 0;
                });
            }
            catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
            {
                throw new CaptureException($"{path} cannot be set to {wanted}: {refused.Message}", refused);
            }
        }
    }

    private static List<(string Path, int Value, int Wanted)> Wrong(NetNamespace network) => network.Run(0, static _ =>
    {
        List<(string Path, int Value, int Wanted)> wrong = [];
        foreach ((string path, int atLeast) in s_settings)
        {
            if (TryRead(path) is int value && value < atLeast)
            {
                wrong.Add((path, value, atLeast));
            }
        }

        // Captured packets come back in through lo: an interface with IPv6 beside a loopback without it would leave them nowhere to go.
        if (Directory.Exists(IPv6) && !IsIPv6Enabled("lo") && Interfaces().Any(IsIPv6Enabled))
        {
            wrong.Add((DisableIPv6("lo"), 1, 0));
        }

        return wrong;
    });

    // "all" and "default" are not interfaces: they say what has been and will be done to interfaces.
    private static IEnumerable<string> Interfaces() =>
        Directory.EnumerateDirectories($"{IPv6}/conf")
            .Select(directory => Path.GetFileName(directory))
            .Where(name => name is not ("all" or "default" or "lo"));

    private static bool IsIPv6Enabled(string name) => TryRead(DisableIPv6(name)) == 0;

    private static string DisableIPv6(string name) => $"{IPv6}/conf/{name}/disable_ipv6";

    private static int? TryRead(string path)
    {
        try
        {
            return int.Parse(File.ReadAllText(path), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }
}
