using System.Net;
using System.Net.Sockets;

namespace Mesh.Bench.Control;

/// <summary>Ports of loopback that nobody has.</summary>
internal static class FreeEndPoints
{
    public static IPEndPoint Take() => Take(1)[0];

    /// <summary>All at once, so that none is given twice.</summary>
    public static IPEndPoint[] Take(int count)
    {
        TcpListener[] listeners = [.. Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0))];
        try
        {
            foreach (TcpListener listener in listeners)
            {
                listener.Start();
            }

            return [.. listeners.Select(listener => (IPEndPoint)listener.LocalEndpoint)];
        }
        finally
        {
            foreach (TcpListener listener in listeners)
            {
                listener.Dispose();
            }
        }
    }
}
