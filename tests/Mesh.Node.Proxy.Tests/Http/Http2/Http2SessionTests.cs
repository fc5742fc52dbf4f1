using System.Buffers;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Http2;
using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Http2;

/// <summary>
/// Goal: streams of a session carry content and trailers both ways, each at its own pace, and end as they should. Method: two sessions of
/// ours on one loop, joined by pipes, whose protocol has tests of its own.
/// </summary>
public sealed class Http2SessionTests
{
    private static readonly HeaderList s_none = new();

    [Fact]
    public async Task Content_and_trailers_come_whole_both_ways()
    {
        await using SessionPair pair = await SessionPair.StartAsync();
        byte[] content = new byte[3 * 1024 * 1024];
        new Random(5).NextBytes(content);
        pair.Opened.Serve = stream => EchoAsync(pair, stream);
        (byte[] came, string trailer) = await pair.OnLoopAsync(async () =>
        {
            var watch = new StreamWatch(pair.Loop);
            Http2SessionStream stream = pair.Open("POST", "/echo", BodyFraming.OfLength(content.Length), watch);
            ValueTask sending = SendAsync(stream, content, Trailers("x-up", "a"));
            Assert.Equal(200, await watch.WaitAsync());
            byte[] all = await ReadAllAsync(stream.Content);
            await sending;
            string told = Text(stream.Content.Trailers, "x-down");
            stream.Release(Http2ErrorCode.NoError);
            return (all, told);
        });
        Assert.Equal(content, came);
        Assert.Equal("a", trailer);
        Assert.Equal(0, await pair.OnLoopAsync(() => ValueTask.FromResult(pair.Client.ActiveStreams + pair.Server.ActiveStreams)));
    }

    [Fact]
    public async Task A_stream_that_nobody_reads_holds_no_more_than_its_window_and_stops_no_other()
    {
        await using SessionPair pair = await SessionPair.StartAsync();
        bool isStopped = await pair.OnLoopAsync(async () =>
        {
            var watch = new StreamWatch(pair.Loop);
            Http2SessionStream? unread = null;
            pair.Opened.Serve = stream =>
            {
                unread = stream;
                pair.Opened.Serve = other => EchoAsync(pair, other);
                return ValueTask.CompletedTask;
            };
            Http2SessionStream stopped = pair.Open("POST", "/stopped", BodyFraming.Chunked, watch);
            ValueTask<bool> flush = WriteAndFlushAsync(stopped, new byte[1024 * 1024]);

            // Others come and go, each with more than the stopped one's window.
            for (int i = 0; i < 20; i++)
            {
                watch.Begin();
                Http2SessionStream stream = pair.Open("POST", "/echo", BodyFraming.Chunked, watch);
                ValueTask sending = SendAsync(stream, new byte[200_000], s_none);
                Assert.Equal(200, await watch.WaitAsync());
                Assert.Equal(200_000, (await ReadAllAsync(stream.Content)).Length);
                await sending;
                stream.Release(Http2ErrorCode.NoError);
            }

            bool waits = !flush.IsCompleted;
            Assert.True(unread!.Content.TryRead(out ContentRead first));
            Assert.Equal(ContentStatus.Content, first.Status);
            Assert.InRange(stopped.Writer.UnflushedBytes, (1024 * 1024) - Http2ConnectionOptions.WindowBytesMin, 1024 * 1024);
            unread.Release(Http2ErrorCode.Cancel);
            Assert.False(await flush);
            stopped.Release(Http2ErrorCode.NoError);
            return waits;
        });
        Assert.True(isStopped);
    }

    [Fact]
    public async Task A_reset_ends_whoever_waits_on_the_other_side()
    {
        await using SessionPair pair = await SessionPair.StartAsync();
        await pair.OnLoopAsync(async () =>
        {
            var watch = new StreamWatch(pair.Loop);
            ContentStatus served = ContentStatus.Content;
            pair.Opened.Serve = async stream =>
            {
                pair.Respond(stream, 200, BodyFraming.Chunked);
                served = (await stream.Content.ReadAsync()).Status;
                Assert.Equal(new Http2StreamEnd(Http2StreamEndKind.ResetByPeer, Http2ErrorCode.Cancel), stream.End);
                Assert.False(await stream.Writer.FlushAsync());
                stream.Release(Http2ErrorCode.NoError);
            };
            Http2SessionStream asked = pair.Open("POST", "/", BodyFraming.Chunked, watch);
            Assert.Equal(200, await watch.WaitAsync());
            asked.Release(Http2ErrorCode.Cancel);

            // What follows on the connection comes after the reset.
            pair.Opened.Serve = stream =>
            {
                stream.Release(Http2ErrorCode.RefusedStream);
                return ValueTask.CompletedTask;
            };
            watch.Begin();
            Http2SessionStream refused = pair.Open("GET", "/", BodyFraming.None, watch);
            Assert.Equal(0, await watch.WaitAsync());
            Assert.Equal(new Http2StreamEnd(Http2StreamEndKind.ResetByPeer, Http2ErrorCode.RefusedStream), refused.End);
            Assert.Equal(ContentStatus.Broken, (await refused.Content.ReadAsync()).Status);
            refused.Release(Http2ErrorCode.NoError);
            Assert.Equal(ContentStatus.Broken, served);
            return 0;
        });
    }

    [Fact]
    public async Task More_content_than_was_announced_is_refused_to_its_reader()
    {
        await using SessionPair pair = await SessionPair.StartAsync();
        ContentStatus status = await pair.OnLoopAsync(async () =>
        {
            var watch = new StreamWatch(pair.Loop);
            ContentStatus result = ContentStatus.Content;
            pair.Opened.Serve = async stream =>
            {
                while (result == ContentStatus.Content)
                {
                    result = (await stream.Content.ReadAsync()).Status;
                    if (result == ContentStatus.Content)
                    {
                        stream.Content.Advance();
                    }
                }

                stream.Release(Http2ErrorCode.NoError);
            };
            Http2SessionStream asked = pair.Open("POST", "/", BodyFraming.OfLength(3), watch);

            // Nothing of ours would do that: its writer is told of another length than the server.
            asked.Writer.Begin(BodyFraming.Chunked, isEndSent: false);
            Assert.True(asked.Writer.TryWrite(new ReadOnlySequence<byte>(new byte[5])));
            await asked.Writer.FlushAsync();
            Assert.Equal(0, await watch.WaitAsync());
            Assert.Equal(Http2ErrorCode.ProtocolError, asked.End.Code);
            asked.Release(Http2ErrorCode.NoError);
            return result;
        });
        Assert.Equal(ContentStatus.Refused, status);
    }

    [Fact]
    public async Task Who_drains_serves_what_is_open_and_then_both_end_in_order()
    {
        await using SessionPair pair = await SessionPair.StartAsync();
        await pair.OnLoopAsync(async () =>
        {
            var watch = new StreamWatch(pair.Loop);
            Http2SessionStream asked = pair.Open("POST", "/", BodyFraming.Chunked, watch);
            var begun = new LoopCompletion<bool>(pair.Loop);
            ValueTask<bool> isBegun = begun.WaitAsync();
            pair.Opened.Serve = stream =>
            {
                ValueTask echoing = EchoAsync(pair, stream);
                begun.TryComplete(true);
                return echoing;
            };
            await isBegun;
            pair.Server.BeginDrain();
            Assert.Equal(200, await watch.WaitAsync());
            await SendAsync(asked, [1, 2, 3], s_none);
            Assert.Equal([1, 2, 3], await ReadAllAsync(asked.Content));
            Assert.True(pair.Client.IsGoingAway);
            Assert.False(pair.Client.CanOpen);
            asked.Release(Http2ErrorCode.NoError);
            return 0;
        });
        Assert.Equal(Http2SessionEnd.Completed, await pair.ServerEndAsync());
        Assert.Equal(Http2SessionEnd.Completed, await pair.ClientEndAsync());
    }

    [Fact]
    public async Task A_session_without_streams_ends_when_it_was_idle_for_its_limit()
    {
        await using SessionPair pair = await SessionPair.StartAsync(serverOptions: new() { IdleLimit = TimeSpan.FromSeconds(1) });
        Assert.Equal(Http2SessionEnd.Idle, await pair.ServerEndAsync());
        Assert.Equal(Http2SessionEnd.Completed, await pair.ClientEndAsync());
    }

    [Fact]
    public async Task A_peer_that_answers_pings_is_kept()
    {
        await using SessionPair pair = await SessionPair.StartAsync(
            clientOptions: new() { PingInterval = TimeSpan.FromSeconds(1) },
            serverOptions: new() { IdleLimit = TimeSpan.FromSeconds(5) });
        Assert.Equal(Http2SessionEnd.Idle, await pair.ServerEndAsync());
        Assert.Equal(Http2SessionEnd.Completed, await pair.ClientEndAsync());
    }

    private static async ValueTask EchoAsync(SessionPair pair, Http2SessionStream stream)
    {
        pair.Respond(stream, 200, BodyFraming.Chunked);
        while (true)
        {
            ContentRead read = await stream.Content.ReadAsync();
            if (read.Status != ContentStatus.Content)
            {
                break;
            }

            stream.Writer.TryWrite(read.Bytes);
            stream.Content.Advance();
            await stream.Writer.FlushAsync();
        }

        string trailer = Text(stream.Content.Trailers, "x-up");
        stream.Writer.TryEnd(trailer.Length == 0 ? s_none : Trailers("x-down", trailer));
        await stream.Writer.FlushAsync();
        stream.Release(Http2ErrorCode.NoError);
    }

    private static ValueTask<bool> WriteAndFlushAsync(Http2SessionStream stream, byte[] content)
    {
        stream.Writer.TryWrite(new ReadOnlySequence<byte>(content));
        return stream.Writer.FlushAsync();
    }

    private static async ValueTask SendAsync(Http2SessionStream stream, byte[] content, HeaderList trailers)
    {
        for (int at = 0; at < content.Length; at += 50_000)
        {
            Assert.True(stream.Writer.TryWrite(new ReadOnlySequence<byte>(content, at, Math.Min(50_000, content.Length - at))));
            Assert.True(await stream.Writer.FlushAsync());
        }

        Assert.True(stream.Writer.TryEnd(trailers));
        Assert.True(await stream.Writer.FlushAsync());
    }

    private static async ValueTask<byte[]> ReadAllAsync(Http2ContentReader reader)
    {
        var all = new ArrayBufferWriter<byte>();
        while (true)
        {
            ContentRead read = await reader.ReadAsync();
            if (read.Status != ContentStatus.Content)
            {
                Assert.Equal(ContentStatus.End, read.Status);
                return all.WrittenSpan.ToArray();
            }

            all.Write(read.Bytes.ToArray());
            reader.Advance();
        }
    }

    private static HeaderList Trailers(string name, string value)
    {
        var trailers = new HeaderList();
        trailers.Add(Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value));
        return trailers;
    }

    private static string Text(HeaderList fields, string name) =>
        fields.TryGet(Encoding.ASCII.GetBytes(name), out ReadOnlySpan<byte> value) ? Encoding.ASCII.GetString(value) : "";
}
