using System.Net.Sockets;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Tests.Paths;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>A connection of a server of HTTP/2 that does exactly what a test says, however uncommon.</summary>
internal sealed class ScriptedHttp2 : IHttp2Handler
{
    private readonly Socket _socket;
    private readonly Action<ScriptedHttp2, Http2Stream, string> _onRequest;
    private readonly Lock _lock = new();

    private ScriptedHttp2(Socket socket, int number, Action<ScriptedHttp2, Http2Stream, string> onRequest, Http2ConnectionOptions options)
    {
        _socket = socket;
        Number = number;
        _onRequest = onRequest;
        Http2 = new Http2Connection(Http2Role.Server, options, this);
    }

    /// <summary>Which connection it is, from 1.</summary>
    public int Number { get; }

    public Http2Connection Http2 { get; }

    /// <summary>Serves a port of a pod for as long as the pod is there.</summary>
    /// <param name="pod">Whose application it is.</param>
    /// <param name="onRequest">What is done with a request, by its path, with the connection locked.</param>
    /// <param name="options">What the server says of itself.</param>
    /// <param name="onOther">What is done with a connection that does not begin as HTTP/2, and what it began with.</param>
    public static void Serve(
        LabPod pod,
        Action<ScriptedHttp2, Http2Stream, string> onRequest,
        Http2ConnectionOptions? options = null,
        Func<Socket, string, Task>? onOther = null) =>
        _ = ServeAsync(pod.Listen(HttpLab.AppPort), onRequest, options ?? new Http2ConnectionOptions(), onOther);

    /// <summary>Answers 200 with a text.</summary>
    public void Answer(Http2Stream stream, string text)
    {
        Begin(stream);
        Say(stream, text, isLast: true);
    }

    /// <summary>Sends the head of a response that has content.</summary>
    public void Begin(Http2Stream stream, params (string Name, string Value)[] fields)
    {
        Http2.SendHeaders(stream, Block([(":status", "200"), .. fields]), endStream: false);
    }

    /// <summary>Sends content.</summary>
    public void Say(Http2Stream stream, string text, bool isLast)
    {
        Span<byte> room = Http2.ReserveData(stream, text.Length);
        Http2.CommitData(stream, Encoding.ASCII.GetBytes(text, room), isLast);
    }

    /// <summary>Does something later than in a call of the connection.</summary>
    public void Do(Action action)
    {
        lock (_lock)
        {
            action();
            Flush();
        }
    }

    public static HeaderList Block(params (string Name, string Value)[] fields)
    {
        var block = new HeaderList();
        foreach ((string name, string value) in fields)
        {
            block.Add(Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value));
        }

        return block;
    }

    void IHttp2Handler.OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        if (headers.TryGet(":path"u8, out ReadOnlySpan<byte> path))
        {
            _onRequest(this, stream, Encoding.ASCII.GetString(path));
        }
    }

    void IHttp2Handler.OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream) => Http2.Consumed(stream, data.Length);

    void IHttp2Handler.OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
    {
    }

    void IHttp2Handler.OnSendWindowOpened(Http2Stream? stream)
    {
    }

    void IHttp2Handler.OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
    }

    void IHttp2Handler.OnPingAck(ulong opaque)
    {
    }

    void IHttp2Handler.OnSettingsChanged()
    {
    }

    void IHttp2Handler.OnStreamClosed(Http2Stream stream)
    {
    }

    private static async Task ServeAsync(
        Socket listener,
        Action<ScriptedHttp2, Http2Stream, string> onRequest,
        Http2ConnectionOptions options,
        Func<Socket, string, Task>? onOther)
    {
        for (int number = 1; ; number++)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptAsync();
            }
            catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
            {
                return; // The pod is gone.
            }

            _ = new ScriptedHttp2(socket, number, onRequest, options).RunAsync(onOther);
        }
    }

    private async Task RunAsync(Func<Socket, string, Task>? onOther)
    {
        using Socket socket = _socket;
        byte[] part = new byte[65_536];
        bool isFirst = true;
        try
        {
            while (await socket.ReceiveAsync(part) is int bytes and > 0)
            {
                if (isFirst && !part.AsSpan(0, bytes).StartsWith("PRI "u8))
                {
                    await (onOther?.Invoke(socket, Encoding.ASCII.GetString(part, 0, bytes)) ?? Task.CompletedTask);
                    return;
                }

                Do(() =>
                {
                    if (isFirst)
                    {
                        Http2.Start();
                        isFirst = false;
                    }

                    Http2.Receive(part.AsSpan(0, bytes), Environment.TickCount64);
                });
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The other side is gone.
        }
    }

    private void Flush()
    {
        while (!Http2.Output.IsEmpty)
        {
            int sent = _socket.Send(Http2.Output.Unsent);
            Http2.Output.Advance(sent);
        }
    }
}
