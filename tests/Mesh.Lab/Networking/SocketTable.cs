using System.Globalization;

namespace Mesh.Lab.Networking;

/// <summary>The text of /proc/net/tcp and /proc/net/tcp6: `sl local_address rem_address st …`, numbers in hexadecimal (proc(5)).</summary>
internal static class SocketTable
{
    private const string Listening = "0A";

    public static bool HasListener(string table, ushort port)
    {
        string suffix = ":" + port.ToString("X4", CultureInfo.InvariantCulture);
        foreach (string line in table.Split('\n'))
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 3 && fields[3] == Listening && fields[1].EndsWith(suffix, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
