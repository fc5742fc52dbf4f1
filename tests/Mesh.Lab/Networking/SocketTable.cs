using System.Globalization;
using System.Text;

namespace Mesh.Lab.Networking;

/// <summary>The text of /proc/net/tcp and /proc/net/tcp6: `sl local_address rem_address st …`, numbers in hexadecimal (proc(5)).</summary>
internal static class SocketTable
{
    private const string Listening = "0A";

    /// <summary>
    /// Bytes read at a time: a few lines. The kernel fills what is offered, and for what follows the listeners it walks the connections of
    /// the whole machine.
    /// </summary>
    private const int ReadBytes = 256;

    /// <summary>Whether somebody listens on a port in the network namespace of the calling thread.</summary>
    public static bool HasListener(ushort port) =>
        HasListener("/proc/thread-self/net/tcp", port) || HasListener("/proc/thread-self/net/tcp6", port);

    /// <summary>
    /// Whether a table, its headline included, has a listener on a port. Listeners come first: nothing behind them is read.
    /// </summary>
    public static bool HasListener(TextReader table, ushort port)
    {
        string suffix = ":" + port.ToString("X4", CultureInfo.InvariantCulture);
        table.ReadLine();
        while (table.ReadLine() is string line)
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length <= 3 || fields[3] != Listening)
            {
                return false;
            }

            if (fields[1].EndsWith(suffix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static bool HasListener(string path, ushort port)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        using var table = new StreamReader(file, Encoding.ASCII, detectEncodingFromByteOrderMarks: false, ReadBytes);
        return HasListener(table, port);
    }
}
