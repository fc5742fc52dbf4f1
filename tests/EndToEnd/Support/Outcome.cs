using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Lab;

namespace Mesh.EndToEnd.Support;

/// <summary>What became of an attempt, as the application at the client's end can see it.</summary>
internal enum Outcome
{
    /// <summary>What was sent came back.</summary>
    Answered,

    /// <summary>The connection was not accepted (ECONNREFUSED).</summary>
    Refused,

    /// <summary>It was accepted, then reset (ECONNRESET).</summary>
    Reset,

    /// <summary>It was accepted, then ended in order without an answer.</summary>
    Ended,

    /// <summary>Nothing came of it within the time.</summary>
    Silent,
}

internal static class Attempt
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    /// <summary>Connects, sends a few bytes and looks what comes back.</summary>
    /// <param name="prepare">What is done to the socket before it connects.</param>
    public static async Task<Outcome> AnEchoAsync(
        LabPod client, IPEndPoint target, TimeSpan? limit = null, Action<Socket>? prepare = null)
    {
        using var time = new CancellationTokenSource(limit ?? s_limit);
        byte[] sent = Encoding.ASCII.GetBytes(Guid.NewGuid().ToString());
        try
        {
            using Socket socket = await client.OpenSocketAsync(target.AddressFamily);
            prepare?.Invoke(socket);
            await socket.ConnectAsync(target, time.Token);
            await socket.SendAllAsync(sent, time.Token);
            byte[] received = new byte[sent.Length];
            bool isWhole = await socket.TryReceiveExactlyAsync(received, time.Token);
            return isWhole && received.AsSpan().SequenceEqual(sent) ? Outcome.Answered : Outcome.Ended;
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return Outcome.Refused;
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            return Outcome.Reset;
        }
        catch (OperationCanceledException)
        {
            return Outcome.Silent;
        }
    }

    /// <summary>Tries again until the outcome is the wanted one: a change takes a moment to reach the proxies.</summary>
    /// <exception cref="TimeoutException">It was never that within the time; the message says what it was.</exception>
    public static async Task UntilAsync(Outcome wanted, LabPod client, IPEndPoint target, TimeSpan? limit = null)
    {
        long startedAt = System.Diagnostics.Stopwatch.GetTimestamp();
        while (true)
        {
            Outcome outcome = await AnEchoAsync(client, target);
            if (outcome == wanted)
            {
                return;
            }

            if (System.Diagnostics.Stopwatch.GetElapsedTime(startedAt) > (limit ?? TimeSpan.FromSeconds(30)))
            {
                throw new TimeoutException($"{client} to {target}: {outcome} at the last attempt, and never {wanted}.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }
}
