using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mesh.Control.Cli.Tests;

/// <summary>An admin endpoint that has one answer, and remembers what it was asked.</summary>
internal sealed class AdminPage : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, port: 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<string> _asked = [];
    private readonly string _answer;
    private readonly Task _running;

    public AdminPage(string body, string status = "200 OK")
    {
        _answer = $"HTTP/1.1 {status}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}";
        _listener.Start();
        _running = Task.Run(ServeAsync);
    }

    public string Address => _listener.LocalEndpoint.ToString()!;

    /// <summary>Paths and queries, in the order of the questions.</summary>
    public string[] Asked
    {
        get
        {
            lock (_asked)
            {
                return [.. _asked];
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            using TcpClient client = await _listener.AcceptTcpClientAsync(_stopping.Token);
            using var reader = new StreamReader(client.GetStream(), Encoding.ASCII, leaveOpen: true);
            string request = await reader.ReadLineAsync(_stopping.Token) ?? string.Empty;
            while (await reader.ReadLineAsync(_stopping.Token) is { Length: > 0 })
            {
            }

            lock (_asked)
            {
                _asked.Add(request.Split(' ')[1]);
            }

            await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(_answer), _stopping.Token);
        }
    }
}
