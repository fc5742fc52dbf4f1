using System.Net.Sockets;
using System.Text;
using Mesh.Lab;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// A server in a pod that keeps every byte it is sent and answers the end of each head with bytes of the test's choice, whatever they are. It
/// belongs to the test and ends with it.
/// </summary>
internal sealed class RawHttpServer : IAsyncDisposable
{
    private static readonly byte[] s_headEnd = "\r\n\r\n"u8.ToArray();

    private readonly Socket _listener;
    private readonly Func<string, string> _answer;
    private readonly CancellationTokenSource _life = new();
    private readonly StringBuilder _heard = new();
    private readonly Task _accepting;

    private RawHttpServer(Socket listener, Func<string, string> answer)
    {
        (_listener, _answer) = (listener, answer);
        _accepting = AcceptAsync();
    }

    /// <summary>All that came so far, of all connections.</summary>
    public string Heard
    {
        get
        {
            lock (_heard)
            {
                return _heard.ToString();
            }
        }
    }

    /// <param name="pod">Where it listens.</param>
    /// <param name="port">Likewise.</param>
    /// <param name="answer">What is sent when a head has come, by its first line.</param>
    public static async Task<RawHttpServer> StartAsync(LabPod pod, int port, Func<string, string> answer) =>
        new(await pod.ListenAsync(port), answer);

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
            var pending = new MemoryStream();
            byte[] part = new byte[16 * 1024];
            try
            {
                while (await socket.ReceiveAsync(part, _life.Token) is int bytes and > 0)
                {
                    lock (_heard)
                    {
                        _heard.Append(Encoding.Latin1.GetString(part, 0, bytes));
                    }

                    pending.Write(part, 0, bytes);
                    while (TryTakeHead(pending, out string firstLine))
                    {
                        await socket.SendAllAsync(Encoding.Latin1.GetBytes(_answer(firstLine)), _life.Token);
                    }
                }
            }
            catch (Exception exception) when (exception is SocketException or OperationCanceledException)
            {
                // The client has reset it, or the test is over.
            }
        }
    }

    private static bool TryTakeHead(MemoryStream pending, out string firstLine)
    {
        ReadOnlySpan<byte> bytes = pending.GetBuffer().AsSpan(0, (int)pending.Length);
        int end = bytes.IndexOf(s_headEnd);
        if (end < 0)
        {
            firstLine = "";
            return false;
        }

        firstLine = Encoding.Latin1.GetString(bytes[..bytes.IndexOf((byte)'\r')]);
        byte[] rest = bytes[(end + s_headEnd.Length)..].ToArray();
        pending.SetLength(0);
        pending.Write(rest);
        return true;
    }
}
