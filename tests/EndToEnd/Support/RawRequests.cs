using System.Net.Sockets;
using System.Text;

namespace Mesh.EndToEnd.Support;

/// <summary>Requests of HTTP/1.1 on sockets of a test, whose answers have no content.</summary>
internal static class RawRequests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>Asks on a connection that is kept, and returns the head of the answer; less where the connection ends before.</summary>
    public static async Task<string> AskAsync(this Socket socket, string path)
    {
        await socket.BeginAsync(path);
        return await socket.HeadAsync();
    }

    /// <summary>Sends a request and does not wait for its answer.</summary>
    public static Task BeginAsync(this Socket socket, string path) =>
        socket.SendAllAsync(Encoding.Latin1.GetBytes($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));

    /// <summary>Reads the head of an answer; less where the connection ends before.</summary>
    public static async Task<string> HeadAsync(this Socket socket)
    {
        using var limit = new CancellationTokenSource(s_patience);
        var answer = new StringBuilder();
        byte[] part = new byte[1];
        while (!answer.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal)
            && await socket.TryReceiveExactlyAsync(part, limit.Token))
        {
            answer.Append((char)part[0]);
        }

        return answer.ToString();
    }
}
