using System.Net;
using System.Net.Sockets;

namespace Mesh.Lab.Apps;

/// <summary>A service whose server speaks first, as databases and mail servers do.</summary>
internal static class LinesApp
{
    public static async Task<int> RunAsync(AppOptions options)
    {
        string? greeting = options.Text("greeting");
        using var listener = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        listener.Bind(new IPEndPoint(IPAddress.IPv6Any, options.Port));
        listener.Listen();
        while (true)
        {
            Socket connection = await listener.AcceptAsync();
            _ = AnswerAsync(connection, greeting);
        }
    }

    private static async Task AnswerAsync(Socket connection, string? greeting)
    {
        await using var stream = new NetworkStream(connection, ownsSocket: true);
        using var reader = new StreamReader(stream);
        await using var writer = new StreamWriter(stream) { AutoFlush = true, NewLine = "\n" };
        try
        {
            if (greeting is not null)
            {
                await writer.WriteLineAsync(greeting);
            }

            while (await reader.ReadLineAsync() is { } line)
            {
                await writer.WriteLineAsync(line.ToUpperInvariant());
            }
        }
        catch (IOException)
        {
            // The client has gone away.
        }
    }
}
