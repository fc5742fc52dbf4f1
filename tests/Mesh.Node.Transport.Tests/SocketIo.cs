using System.Net.Sockets;
using Xunit;

namespace Mesh.Node.Transport.Tests;

/// <summary>What an application does with its end of a connection, with a limit on every wait.</summary>
internal static class SocketIo
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task SendAllAsync(this Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes, Cancellation).AsTask().WaitAsync(Patience)..];
        }
    }

    public static async Task<byte[]> ReadToEndAsync(this Socket socket)
    {
        var all = new MemoryStream();
        byte[] buffer = new byte[256 * 1024];
        while (true)
        {
            int bytes = await socket.ReceiveAsync(buffer, Cancellation).AsTask().WaitAsync(Patience);
            if (bytes == 0)
            {
                return all.ToArray();
            }

            all.Write(buffer, 0, bytes);
        }
    }

    public static async Task<byte[]> ReadExactlyAsync(this Socket socket, int bytes)
    {
        byte[] all = new byte[bytes];
        for (int read = 0; read < bytes;)
        {
            int received = await socket.ReceiveAsync(all.AsMemory(read), Cancellation).AsTask().WaitAsync(Patience);
            Assert.NotEqual(0, received);
            read += received;
        }

        return all;
    }

    /// <summary>Sends until the socket has refused for a while: whoever should read does not.</summary>
    /// <returns>Bytes the kernel took.</returns>
    public static async Task<long> SendUntilStoppedAsync(this Socket socket, long bytesMax)
    {
        byte[] chunk = new byte[256 * 1024];
        long sentBytes = 0;
        socket.Blocking = false;
        for (int idle = 0; idle < 10;)
        {
            try
            {
                sentBytes += socket.Send(chunk);
                idle = 0;
            }
            catch (SocketException full) when (full.SocketErrorCode == SocketError.WouldBlock)
            {
                idle++;
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancellation);
            }

            Assert.True(sentBytes < bytesMax, "Nobody reads, so the sender must be stopped.");
        }

        socket.Blocking = true;
        return sentBytes;
    }

    /// <summary>Closes with RST.</summary>
    public static void Abort(this Socket socket)
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Close();
    }
}
