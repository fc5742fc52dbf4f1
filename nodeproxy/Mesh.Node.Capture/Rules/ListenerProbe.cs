using System.Globalization;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>Looks whether a proxy listens in a namespace, in the kernel's own list of sockets (proc(5), /proc/net/tcp).</summary>
internal static class ListenerProbe
{
    private const string ListenState = "0A";

    /// <summary>Whether the outbound capture port has a listener.</summary>
    /// <exception cref="PosixException">The namespace cannot be entered.</exception>
    public static bool IsListening(NetNamespace network) => network.Run(0, static _ => HasListener("tcp") || HasListener("tcp6"));

    private static bool HasListener(string table)
    {
        string path = $"/proc/thread-self/net/{table}";
        if (!File.Exists(path))
        {
            return false;
        }

        string suffix = ":" + CapturePorts.Outbound.ToString("X4", CultureInfo.InvariantCulture);
        foreach (string line in File.ReadLines(path).Skip(1))
        {
            // sl, local address, remote address, state. Listeners come first, so a pod with many connections costs no more than others.
            string[] columns = line.Split(' ', 5, StringSplitOptions.RemoveEmptyEntries);
            if (columns.Length < 5 || columns[3] != ListenState)
            {
                return false;
            }

            if (columns[1].EndsWith(suffix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
