using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Proxy.Http.Http2;
using Mesh.Node.Transport.Connections;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Tests.Http.Http2;

/// <summary>A client's and a server's session on one loop, joined by pipes.</summary>
internal sealed class SessionPair : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private DefaultConnectionContext _clientEnd = null!;
    private DefaultConnectionContext _serverEnd = null!;
    private Task<Http2SessionEnd> _clientRun = null!;
    private Task<Http2SessionEnd> _serverRun = null!;

    public EventLoop Loop { get; } = EventLoop.Start("sessions", 0, new EventLoopOptions());

    public Http2Session Client { get; private set; } = null!;

    public Http2Session Server { get; private set; } = null!;

    public ServerOwner Opened { get; } = new();

    public static async Task<SessionPair> StartAsync(
        Http2ConnectionOptions? serverHttp2 = null, Http2SessionOptions? serverOptions = null, Http2SessionOptions? clientOptions = null)
    {
        var pair = new SessionPair();
        await pair.OnLoopAsync(() =>
        {
            LoopPipe up = LoopPipe.Create(pair.Loop, 64 * 1024);
            LoopPipe down = LoopPipe.Create(pair.Loop, 64 * 1024);
            pair._clientEnd = new DefaultConnectionContext("client", new End(down.Reader, up.Writer), new End(up.Reader, down.Writer));
            pair._serverEnd = new DefaultConnectionContext("server", new End(up.Reader, down.Writer), new End(down.Reader, up.Writer));
            pair.Client = new Http2Session(
                pair._clientEnd, pair.Loop, Http2Role.Client, Http2Settings.Client, clientOptions ?? new(), new ClientOwner(), null);
            pair.Server = new Http2Session(
                pair._serverEnd, pair.Loop, Http2Role.Server, serverHttp2 ?? Http2Settings.Server, serverOptions ?? new(), pair.Opened, null);
            pair._clientRun = RunAsync(pair.Client, pair._clientEnd);
            pair._serverRun = RunAsync(pair.Server, pair._serverEnd);
            return ValueTask.FromResult(0);
        });
        return pair;
    }

    /// <summary>How the client's session ended, once it has.</summary>
    public Task<Http2SessionEnd> ClientEndAsync() => _clientRun.WaitAsync(Patience);

    /// <inheritdoc cref="ClientEndAsync"/>
    public Task<Http2SessionEnd> ServerEndAsync() => _serverRun.WaitAsync(Patience);

    /// <summary>Runs on the loop and waits for it.</summary>
    public async Task<T> OnLoopAsync<T>(Func<ValueTask<T>> body)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Loop.Post(() => Forward());
        return await done.Task.WaitAsync(Patience);

        async void Forward()
        {
            try
            {
                done.SetResult(await body());
            }
            catch (Exception fault)
            {
                done.SetException(fault);
            }
        }
    }

    /// <summary>Opens a stream with a request of a method and a path. Loop thread.</summary>
    public Http2SessionStream Open(string method, string path, BodyFraming body, IHttp2StreamEvents events)
    {
        var head = new RequestHead();
        head.Method = Encoding.ASCII.GetBytes(method);
        head.Scheme = "http"u8;
        head.Authority = "server"u8;
        head.Path = Encoding.ASCII.GetBytes(path);
        head.Body = body;
        Http2RequestHeads.Write(head, Client.Block);
        Http2SessionStream stream = Client.TryOpen(Client.Block, !body.HasContent, events)
            ?? throw new InvalidOperationException("There is no room for a stream.");
        stream.Writer.Begin(body, isEndSent: !body.HasContent);
        return stream;
    }

    /// <summary>Sends the head of a response. Loop thread.</summary>
    public void Respond(Http2SessionStream stream, int status, BodyFraming body)
    {
        var head = new ResponseHead { Status = status, Body = body };
        Http2ResponseHeads.Write(head, Server.Block);
        stream.TrySend(Server.Block, !body.HasContent);
        stream.Writer.Begin(body, isEndSent: !body.HasContent);
    }

    public async ValueTask DisposeAsync()
    {
        await OnLoopAsync(() =>
        {
            Client.Abort();
            Server.Abort();
            return ValueTask.FromResult(0);
        });
        await ClientEndAsync();
        await ServerEndAsync();
        Loop.Dispose();
    }

    private static async Task<Http2SessionEnd> RunAsync(Http2Session session, ConnectionContext end)
    {
        Http2SessionEnd result = await session.RunAsync();
        await end.Transport.Input.CompleteAsync();
        await end.Transport.Output.CompleteAsync();
        return result;
    }

    /// <summary>Serves what clients open, as a test says.</summary>
    internal sealed class ServerOwner : IHttp2SessionOwner
    {
        /// <summary>What is done with a stream.</summary>
        public Func<Http2SessionStream, ValueTask> Serve { get; set; } = _ => throw new InvalidOperationException("Nobody serves.");

        public ConcurrentQueue<HeaderVerdict> Refused { get; } = new();

        public void OnStreamOpened(Http2SessionStream stream, HeaderList block, bool endStream) => _ = Serve(stream).AsTask();

        public void OnRequestRefused(HeaderVerdict verdict) => Refused.Enqueue(verdict);

        public void OnCapacityChanged(Http2Session session)
        {
        }
    }

    private sealed class ClientOwner : IHttp2SessionOwner
    {
        public void OnStreamOpened(Http2SessionStream stream, HeaderList block, bool endStream) =>
            throw new InvalidOperationException("A server opens nothing.");

        public void OnRequestRefused(HeaderVerdict verdict) => throw new InvalidOperationException("A server asks nothing.");

        public void OnCapacityChanged(Http2Session session)
        {
        }
    }

    private sealed class End(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}

/// <summary>Waits for what comes on a stream of a client's session. One loop's.</summary>
internal sealed class StreamWatch(EventLoop loop) : IHttp2StreamEvents
{
    private readonly LoopCompletion<int> _headed = new(loop);

    /// <summary>The status of the response that came last; 0 while none came.</summary>
    public int Status { get; private set; }

    public bool IsReset { get; private set; }

    /// <summary>Waits for the next response; 0 when the stream is reset instead.</summary>
    public ValueTask<int> WaitAsync() => Status != 0 || IsReset ? new ValueTask<int>(Status) : _headed.WaitAsync();

    /// <summary>Begins to watch another stream.</summary>
    public void Begin()
    {
        Status = 0;
        IsReset = false;
    }

    public void OnHead(HeaderList block, bool endStream)
    {
        Status = int.Parse(block[0].Value, CultureInfo.InvariantCulture);
        _headed.TryComplete(Status);
    }

    public void OnReset()
    {
        IsReset = true;
        _headed.TryComplete(0);
    }
}
