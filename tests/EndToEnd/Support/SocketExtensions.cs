using System.Net.Sockets;
using System.Text;

namespace Mesh.EndToEnd.Support;

/// <summary>How a connection ended, as its socket tells.</summary>
internal enum ConnectionEnd
{
    /// <summary>A FIN: the peer has ended its direction in order.</summary>
    Ended,

    /// <summary>A RST.</summary>
    Reset,

    /// <summary>It was open still when the time was over.</summary>
    Open,
}

internal static class SocketExtensions
{
    public static async Task SendAllAsync(this Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes, cancellation)..];
        }
    }

    /// <summary>Fills the buffer; false when the peer ends before.</summary>
    public static async Task<bool> TryReceiveExactlyAsync(this Socket socket, Memory<byte> buffer, CancellationToken cancellation = default)
    {
        while (buffer.Length > 0)
        {
            int bytes = await socket.ReceiveAsync(buffer, cancellation);
            if (bytes == 0)
            {
                return false;
            }

            buffer = buffer[bytes..];
        }

        return true;
    }

    /// <summary>Sends a text to an echo server and returns what comes back: as many bytes, fewer when the server ends.</summary>
    public static async Task<string> EchoAsync(this Socket socket, string text)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        await socket.SendAllAsync(bytes, limit.Token);
        byte[] received = new byte[bytes.Length];
        return await socket.TryReceiveExactlyAsync(received, limit.Token) ? Encoding.UTF8.GetString(received) : "";
    }

    /// <summary>Closes with a RST.</summary>
    public static void Reset(this Socket socket)
    {
        socket.LingerState = new LingerOption(enable: true, seconds: 0);
        socket.Dispose();
    }

    /// <summary>Receives, and forgets, until the connection ends.</summary>
    public static async Task<ConnectionEnd> WaitForEndAsync(this Socket socket, TimeSpan limit)
    {
        using var time = new CancellationTokenSource(limit);
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await socket.ReceiveAsync(buffer, time.Token) > 0)
            {
                // What was on its way when the connection ended.
            }

            return ConnectionEnd.Ended;
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionReset)
        {
            return ConnectionEnd.Reset;
        }
        catch (OperationCanceledException)
        {
            return ConnectionEnd.Open;
        }
    }
}
