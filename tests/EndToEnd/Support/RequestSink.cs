using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Mesh.Lab;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// An HTTP server in a pod that remembers what it was asked, and resets the connections of the first requests. It belongs to the test and
/// ends with it.
/// </summary>
internal sealed class RequestSink : IAsyncDisposable
{
    private const string Answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\ntaken";

    private readonly Socket _listener;
    private readonly CancellationTokenSource _life = new();
    private readonly ConcurrentQueue<string> _seen = new();
    private readonly Task _accepting;
    private int _resets;

    private RequestSink(Socket listener, int resets)
    {
        _listener = listener;
        _resets = resets;
        _accepting = AcceptAsync();
    }

    /// <summary>What came whole: method, target and content.</summary>
    public IReadOnlyCollection<string> Seen => _seen;

    /// <param name="pod">Where it listens.</param>
    /// <param name="port">Likewise.</param>
    /// <param name="resets">Requests that are read and not answered.</param>
    public static async Task<RequestSink> StartAsync(LabPod pod, int port, int resets = 0) =>
        new(await pod.ListenAsync(port), resets);

    public async ValueTask DisposeAsync()
    {
        await _life.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _life.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_life.IsCancellationRequested)
        {
            _ = ServeAsync(await _listener.AcceptAsync(_life.Token));
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                if (await ReadAsync(socket) is not string request)
                {
                    return;
                }

                _seen.Enqueue(request);
                if (Interlocked.Decrement(ref _resets) >= 0)
                {
                    socket.LingerState = new LingerOption(enable: true, seconds: 0);
                    return;
                }

                await socket.SendAsync(Encoding.ASCII.GetBytes(Answer), _life.Token);
                socket.Shutdown(SocketShutdown.Send);
                await socket.ReceiveAsync(new byte[1], _life.Token);
            }
            catch (Exception exception) when (exception is SocketException or OperationCanceledException)
            {
                // The client is gone, or the test is over.
            }
        }
    }

    /// <summary>Reads one request with content of a known length; null when the connection ends before.</summary>
    private async Task<string?> ReadAsync(Socket socket)
    {
        var text = new StringBuilder();
        byte[] part = new byte[4_096];
        while (await socket.ReceiveAsync(part, _life.Token) is int bytes and > 0)
        {
            text.Append(Encoding.ASCII.GetString(part, 0, bytes));
            string[] message = text.ToString().Split("\r\n\r\n", 2);
            if (message.Length == 2 && message[1].Length >= LengthOf(message[0]))
            {
                return $"{message[0][..message[0].IndexOf(" HTTP/", StringComparison.Ordinal)]} {message[1]}";
            }
        }

        return null;
    }

    private static int LengthOf(string head)
    {
        const string Name = "content-length:";
        string? field = head.Split("\r\n").FirstOrDefault(line => line.StartsWith(Name, StringComparison.OrdinalIgnoreCase));
        return field is null ? 0 : int.Parse(field[Name.Length..], CultureInfo.InvariantCulture);
    }
}
