using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using BenchmarkDotNet.Attributes;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Http2;
using Mesh.Node.Transport.Connections;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Bench.Micro.Http;

/// <summary>
/// A request and its answer with content over HTTP/2, both sides' sessions on one loop, joined by pipes: what a proxied request costs on
/// either side of it besides what HTTP means. Budget: 0 B, since streams are used again.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class SessionExchangeBench
{
    private const int RequestsPerRun = 500;
    private const int PipeBytes = 64 * 1024;

    private readonly EventLoop _loop = EventLoop.Start("bench", 0, new EventLoopOptions());
    private readonly ManualResetEventSlim _done = new();
    private ClientSide _client = null!;

    [GlobalSetup]
    public void Setup()
    {
        _loop.Post(() =>
        {
            LoopPipe up = LoopPipe.Create(_loop, PipeBytes);
            LoopPipe down = LoopPipe.Create(_loop, PipeBytes);
            _client = new ClientSide(_loop, _done);
            _client.Session = SessionOver(new End(down.Reader, up.Writer), Http2Role.Client, Http2Settings.Client, _client);
            SessionOver(new End(up.Reader, down.Writer), Http2Role.Server, Http2Settings.Server, new ServerSide());
            _done.Set();
        });
        _done.Wait();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _loop.Dispose();
        _done.Dispose();
    }

    [Benchmark(OperationsPerInvoke = RequestsPerRun)]
    public long AskAndAnswer()
    {
        _done.Reset();
        _client.AnsweredBytes = 0;
        _loop.Post(_client);
        _done.Wait();
        return _client.AnsweredBytes == RequestsPerRun * ServerSide.AnswerBytes
            ? _client.AnsweredBytes
            : throw new InvalidOperationException($"{_client.AnsweredBytes} bytes were answered.");
    }

    private Http2Session SessionOver(IDuplexPipe end, Http2Role role, Http2ConnectionOptions options, IHttp2SessionOwner owner)
    {
        var session = new Http2Session(
            new DefaultConnectionContext("bench", end, end), _loop, role, options, new Http2SessionOptions(), owner, budget: null);
        _ = session.RunAsync().AsTask();
        return session;
    }

    /// <summary>Asks one request after the other and reads its answer.</summary>
    private sealed class ClientSide(EventLoop loop, ManualResetEventSlim done) : LoopWork, IHttp2SessionOwner, IHttp2StreamEvents
    {
        private readonly LoopCompletion<bool> _headed = new(loop);
        private readonly RequestHead _request = Request();
        private Action? _onAsked;
        private ValueTaskAwaiter _asked;

        public Http2Session Session { get; set; } = null!;

        public long AnsweredBytes { get; set; }

        public override void Run()
        {
#pragma warning disable CA2012 // Its result is taken once, when it has come to its end.
            _asked = AskAllAsync().GetAwaiter();
#pragma warning restore CA2012
            _asked.UnsafeOnCompleted(_onAsked ??= OnAsked);
        }

        public void OnHead(HeaderList block, bool endStream) => _headed.TryComplete(true);

        public void OnReset() => _headed.TryComplete(false);

        public void OnStreamOpened(Http2SessionStream stream, HeaderList block, bool endStream)
        {
        }

        public void OnRequestRefused(HeaderVerdict verdict)
        {
        }

        public void OnCapacityChanged(Http2Session session)
        {
        }

        private void OnAsked()
        {
#pragma warning disable VSTHRD002 // It has come to its end.
            _asked.GetResult();
#pragma warning restore VSTHRD002
            done.Set();
        }

        [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
        private async ValueTask AskAllAsync()
        {
            for (int i = 0; i < RequestsPerRun; i++)
            {
                Http2RequestHeads.Write(_request, Session.Block);
                if (Session.TryOpen(Session.Block, endStream: true, this) is not Http2SessionStream stream || !await _headed.WaitAsync())
                {
                    return;
                }

                while ((await stream.Content.ReadAsync()) is { Status: ContentStatus.Content } read)
                {
                    AnsweredBytes += read.Bytes.Length;
                    stream.Content.Advance();
                }

                stream.Release(Http2ErrorCode.Cancel);
            }
        }

        private static RequestHead Request()
        {
            var head = new RequestHead();
            head.Method = "GET"u8;
            head.Scheme = "http"u8;
            head.Authority = "stock.shop.svc.cluster.local"u8;
            head.Path = "/items?page=1"u8;
            head.Fields.Add("user-agent"u8, "bench"u8);
            return head;
        }
    }

    /// <summary>Answers each request at once.</summary>
    private sealed class ServerSide : IHttp2SessionOwner
    {
        public const int AnswerBytes = 1_024;

        private static readonly HeaderList s_noTrailers = new();

        private readonly ResponseHead _answer = new() { Status = 200, Body = BodyFraming.OfLength(AnswerBytes) };
        private readonly ReadOnlySequence<byte> _content = new(new byte[AnswerBytes]);

        public void OnStreamOpened(Http2SessionStream stream, HeaderList block, bool endStream)
        {
            Http2ResponseHeads.Write(_answer, stream.Session.Block);
            stream.TrySend(stream.Session.Block, endStream: false);
            stream.Writer.Begin(_answer.Body, isEndSent: false);
            stream.Writer.TryWrite(_content);
            stream.Writer.TryEnd(s_noTrailers);
            stream.Release(Http2ErrorCode.InternalError);
        }

        public void OnRequestRefused(HeaderVerdict verdict)
        {
        }

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
