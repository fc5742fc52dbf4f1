using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Testing;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>
/// Goal: no frame costs an allocation once a connection is warm. Method: the thread's own allocation counter around thousands of frames.
/// </summary>
public sealed class AllocationTests
{
    private const int Rounds = 2_000;

    private readonly QuietHandler _clientEvents = new();
    private readonly QuietHandler _serverEvents = new() { Answers = true };
    private readonly Http2Connection _client;
    private readonly Http2Connection _server;
    private readonly byte[] _link = new byte[1024 * 1024];
    private readonly byte[] _content = new byte[16_375];

    public AllocationTests()
    {
        var options = new Http2ConnectionOptions { PingFrames = new(1_000_000, 0), SettingsFrames = new(1_000_000, 0) };
        _client = new Http2Connection(Http2Role.Client, options, _clientEvents);
        _server = new Http2Connection(Http2Role.Server, options, _serverEvents);
        _clientEvents.Connection = _client;
        _serverEvents.Connection = _server;
        _client.Start();
        _server.Start();
        Exchange();
    }

    [Fact]
    public void Relaying_DATA_allocates_nothing()
    {
        _client.TryOpenStream(Headers.Connect(), endStream: false, tag: null, out Http2Stream stream);
        Exchange();
        AssertNothingAllocated(() =>
        {
            for (int sent = 0; sent < 4; sent++)
            {
                Span<byte> room = _client.ReserveData(stream, _content.Length);
                _content.AsSpan(0, room.Length).CopyTo(room);
                _client.CommitData(stream, room.Length, endStream: false);
            }

            Exchange();
        });
        Assert.True(_serverEvents.DataBytes > 100_000_000);
    }

    [Fact]
    public void Opening_answering_and_closing_streams_allocates_nothing()
    {
        HeaderList request = Headers.Connect("10.0.0.1:8080");
        request.Add("baggage"u8, Encoding.ASCII.GetBytes("k8s.cluster.name=Kubernetes,k8s.namespace.name=shop"));
        request.Add("forwarded"u8, "for=\"10.0.0.2:40000\""u8);
        AssertNothingAllocated(() =>
        {
            _client.TryOpenStream(request, endStream: false, tag: null, out Http2Stream finished);
            _client.TryOpenStream(request, endStream: false, tag: null, out Http2Stream reset);
            Exchange();
            _client.CompleteSend(finished);
            _client.ResetStream(reset, Http2ErrorCode.Cancel);
            Exchange();
        });
        Assert.Equal(0, _client.ActiveStreams + _server.ActiveStreams);
    }

    [Fact]
    public void Header_blocks_in_parts_allocate_nothing()
    {
        byte[] block = Wire.GetBlock(("x", new string('v', 500)));
        byte[] frames = Wire.Join(Wire.HeadersFrame(1, block[..100], Wire.EndStream), Wire.Continuation(1, block[100..300], 0), Wire.Continuation(1, block[300..]));
        int[] idOffsets = [5, 9 + 100 + 5, 9 + 100 + 9 + 200 + 5];
        int streamId = 1;
        AssertNothingAllocated(() =>
        {
            foreach (int offset in idOffsets)
            {
                System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(frames.AsSpan(offset), streamId);
            }

            streamId += 2;
            _server.Receive(frames, 0);
            _server.Output.Advance(_server.Output.UnsentBytes);
        });
    }

    [Fact]
    public void Control_frames_allocate_nothing()
    {
        byte[] settings = Wire.Settings((4, 65_535), (0x99, 1));
        AssertNothingAllocated(() =>
        {
            _server.Receive(settings, 0);
            _server.Output.Advance(_server.Output.UnsentBytes); // The client sent no such settings: keep the answer from it.
            _client.SendPing(7);
            _client.Tick(0);
            Exchange();
        });
    }

    private void AssertNothingAllocated(Action round)
    {
        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                round();
            }
        }));
        Assert.False(_client.Error.IsError || _server.Error.IsError);
    }

    private void Exchange()
    {
        while (!_client.Output.IsEmpty || !_server.Output.IsEmpty)
        {
            Move(_client, _server);
            Move(_server, _client);
        }
    }

    private void Move(Http2Connection from, Http2Connection to)
    {
        int bytes = from.Output.UnsentBytes;
        from.Output.Unsent.CopyTo(_link);
        from.Output.Advance(bytes);
        to.Receive(_link.AsSpan(0, bytes), nowMs: 0);
    }

    private sealed class QuietHandler : IHttp2Handler
    {
        private readonly HeaderList _response = Headers.Status(200);

        public Http2Connection Connection { get; set; } = null!;

        public bool Answers { get; init; }

        public long DataBytes { get; private set; }

        public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
        {
            if (Answers)
            {
                Connection.SendHeaders(stream, _response, endStream);
            }
        }

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
        {
            DataBytes += data.Length;
            Connection.Consumed(stream, data.Length);
            if (endStream && Answers)
            {
                Connection.CompleteSend(stream);
            }
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
