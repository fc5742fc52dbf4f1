using System.Diagnostics;
using System.Net.Sockets;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Interop;

/// <summary>Drives one engine over one blocking socket: receive, let the owner act, send, until either side is done.</summary>
internal sealed class SocketPump(Socket socket, Http2Connection connection, Action act)
{
    private readonly byte[] _buffer = new byte[64 * 1024];

    public void Run()
    {
        connection.Start();
        act();
        Flush();
        while (!connection.IsFinished)
        {
            int bytes;
            try
            {
                bytes = socket.Receive(_buffer);
            }
            catch (SocketException)
            {
                break;
            }

            if (bytes == 0)
            {
                break;
            }

            connection.Receive(_buffer.AsSpan(0, bytes), Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000));
            act();
            if (!Flush())
            {
                break;
            }
        }

        connection.Abandon();
    }

    private bool Flush()
    {
        try
        {
            while (!connection.Output.IsEmpty)
            {
                connection.Output.Advance(socket.Send(connection.Output.Unsent));
                act(); // There may be room for more now.
            }

            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
