using System.Buffers.Binary;
using Mesh.Interop.Linux;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>A tunnel that has much to read gives the other connections of its loop their turn.</summary>
public sealed class TunnelTurnTests
{
    private const int Frames = 10_000;

    [Fact]
    public async Task Ten_thousand_buffered_frames_are_delivered_whole_in_many_turns()
    {
        using EventLoop loop = EventLoop.Start("tunnel", 0, new EventLoopOptions());
        var owner = new CountingOwner();
        (int mostInATurn, int turns) = await TunnelPair.OnLoopAsync(loop, () => DeliverAsync(loop, owner)).Unwrap()
            .WaitAsync(TunnelPair.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(0, Frames).Select(i => (byte)i), owner.Received);

        // The budget, and what the last small read of these frames of ten bytes held beyond it.
        Assert.InRange(mostInATurn, 1, 1_024 + 410);
        Assert.InRange(turns, Frames / (1_024 + 410), Frames);
    }

    private static async Task<(int MostInATurn, int Turns)> DeliverAsync(EventLoop loop, CountingOwner owner)
    {
        TunnelConnection tunnel = TunnelConnection.Start(
            new CannedChannel(loop, RequestAndFrames()), Http2Role.Server, Http2Profiles.Server, TunnelPair.Options, owner);
        var turn = new LoopCompletion<int>(loop);
        int most = owner.Received.Count;
        int turns = 1;
        for (int before = most; owner.Received.Count < Frames; before = owner.Received.Count, turns++)
        {
            loop.Post(() => turn.TryComplete(0));
            await turn.WaitAsync();
            most = Math.Max(most, owner.Received.Count - before);
        }

        tunnel.Abort(CloseReason.Completed, null);
        return (most, turns);
    }

    /// <summary>What a client sends: its preface, a CONNECT, and as many DATA frames of one byte.</summary>
    private static byte[] RequestAndFrames()
    {
        var client = new Http2Connection(Http2Role.Client, Http2Profiles.Client, new IgnoringHandler());
        client.Start();
        var headers = new HeaderList();
        headers.Add(":method"u8, "CONNECT"u8);
        headers.Add(":authority"u8, "10.0.0.1:80"u8);
        Assert.True(client.TryOpenStream(headers, endStream: false, null, out Http2Stream? stream));
        List<byte> all = [.. client.Output.Unsent];
        byte[] header = new byte[9];
        header[2] = 1;
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(5), stream!.Id);
        for (int i = 0; i < Frames; i++)
        {
            all.AddRange(header);
            all.Add((byte)i);
        }

        return [.. all];
    }

    /// <summary>Has all its bytes from the start and takes whatever is written.</summary>
    private sealed class CannedChannel(EventLoop loop, byte[] bytes) : ByteChannel(loop)
    {
        private int _read;
        private bool _closed;

        public override bool IsClosed => _closed;

        public override bool HasUnsentBytes => false;

        public override IoResult Read(Span<byte> destination)
        {
            int taken = Math.Min(destination.Length, bytes.Length - _read);
            bytes.AsSpan(_read, taken).CopyTo(destination);
            _read += taken;
            return taken == 0 ? IoResult.WouldBlock : IoResult.Done(taken);
        }

        public override IoResult Write(ReadOnlySpan<byte> source) => IoResult.Done(source.Length);

        public override void CloseWrite()
        {
        }

        public override void Close() => _closed = true;

        public override void Reset() => _closed = true;

        public override Errno TakeError() => Errno.None;
    }

    private sealed class CountingOwner : QuietTunnelOwner
    {
        private TunnelStream? _stream;

        public List<byte> Received { get; } = [];

        public override void OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream)
        {
            _stream = stream;
            base.OnStreamOpened(tunnel, stream, headers, endStream);
        }

        public override void OnData(ReadOnlySpan<byte> data, bool endStream)
        {
            Received.AddRange(data);
            _stream!.Consumed(data.Length);
        }
    }

    private sealed class IgnoringHandler : IHttp2Handler
    {
        public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
        {
        }

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
        {
        }

        public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
        {
        }

        public void OnSendWindowOpened(Http2Stream? stream)
        {
        }

        public void OnGoAway(int lastStreamId, Http2ErrorCode code)
        {
        }

        public void OnPingAck(ulong opaque)
        {
        }

        public void OnSettingsChanged()
        {
        }

        public void OnStreamClosed(Http2Stream stream)
        {
        }
    }
}
