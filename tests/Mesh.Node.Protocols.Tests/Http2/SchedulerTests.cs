using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>
/// Goal: under any schedule every byte arrives once and in order, windows never overdraw and agree when all is quiet, and nothing stands
/// still. Method: two engines joined by two queues that deliver any number of bytes at any time; a seeded scheduler picks every step, and
/// a model knows what each stream has to carry. A failure names its seed.
/// </summary>
public sealed class SchedulerTests
{
    private const int LinkBytesMax = 200_000;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 7)]
    [InlineData(3, 40)]
    [InlineData(4, 100)]
    [InlineData(5, 100)]
    [InlineData(6, 13)]
    public void Every_byte_arrives_once_and_nothing_stands_still(int seed, int streamsAtOnce)
    {
        var world = new World(seed, streamsAtOnce);
        world.Run(streams: streamsAtOnce * 4);
    }

    /// <summary>One direction of one stream: what is to be sent, and what came.</summary>
    private sealed class Flow(int seed, int bytes, bool stalls)
    {
        public int Sent { get; set; }

        public int Received { get; set; }

        public int Unconsumed { get; set; }

        public bool EndSent { get; set; }

        public bool EndReceived { get; set; }

        public int Bytes => bytes;

        /// <summary>The reader consumes nothing until the end of the run.</summary>
        public bool Stalls { get; set; } = stalls;

        /// <summary>Byte number <paramref name="index"/> of this flow.</summary>
        public byte At(int index) => (byte)((index * 31) ^ (index >> 8) ^ seed);
    }

    private sealed class Exchange(int id, Flow request, Flow response)
    {
        public int Id => id;

        public Flow Request => request;

        public Flow Response => response;

        public Http2Stream? Client { get; set; }

        public Http2Stream? Server { get; set; }

        /// <summary>Somebody reset it: its flows need not complete.</summary>
        public bool IsReset { get; set; }

        public int Closed { get; set; }
    }

    private sealed class World
    {
        private readonly Random _random;
        private readonly int _streamsAtOnce;
        private readonly Dictionary<int, Exchange> _exchanges = [];
        private readonly List<Exchange> _open = [];
        private readonly List<byte> _toServer = [];
        private readonly List<byte> _toClient = [];
        private readonly Side _clientSide;
        private readonly Side _serverSide;
        private readonly Http2Connection _client;
        private readonly Http2Connection _server;

        public World(int seed, int streamsAtOnce)
        {
            _random = new Random(seed);
            _streamsAtOnce = streamsAtOnce;
            _clientSide = new Side(this, isClient: true);
            _serverSide = new Side(this, isClient: false);
            var options = new Http2ConnectionOptions
            {
                StreamWindowBytes = 65_535 + _random.Next(100_000),
                StreamWindowBytesMax = 400_000,
                ConnectionWindowBytes = 65_535 + _random.Next(500_000),
                LocalStreamsMax = streamsAtOnce,
                PeerStreamsMax = streamsAtOnce,
                UnansweredResets = new RateLimit(1_000_000, 0),
                WindowUpdateFrames = new RateLimit(1_000_000, 0),
            };
            _client = new Http2Connection(Http2Role.Client, options, _clientSide);
            _server = new Http2Connection(Http2Role.Server, options, _serverSide);
            _clientSide.Connection = _client;
            _serverSide.Connection = _server;
            _client.Start();
            _server.Start();
        }

        public void Run(int streams)
        {
            int opened = 0;
            long steps = 0;
            while (opened < streams || _open.Count > 0)
            {
                Assert.True(++steps < 5_000_000, $"Nothing moves any more: {_open.Count} streams are open.");

                // Stalled readers wake up only when everything else is done, so they cannot be what others wait for.
                if (opened == streams && _open.TrueForAll(next => next.Request.Stalls || next.Response.Stalls))
                {
                    _open.ForEach(next => next.Request.Stalls = next.Response.Stalls = false);
                }

                switch (_random.Next(8))
                {
                    case 0 when opened < streams && _client.CanOpenStream:
                        Open();
                        opened++;
                        break;
                    case 1:
                        Flush(_client, _toServer);
                        break;
                    case 2:
                        Flush(_server, _toClient);
                        break;
                    case 3:
                        Deliver(_toServer, _server);
                        break;
                    case 4:
                        Deliver(_toClient, _client);
                        break;
                    default:
                        Act();
                        break;
                }

                Assert.True(_client.SendWindowBytes >= 0 && _server.SendWindowBytes >= 0, "A connection's window is overdrawn.");
                Assert.False(_client.Error.IsError || _server.Error.IsError, $"{_client.Error} {_server.Error}");
            }

            // All quiet: both sides agree about every window.
            while (_toServer.Count + _toClient.Count + _client.Output.UnsentBytes + _server.Output.UnsentBytes > 0)
            {
                Flush(_client, _toServer);
                Flush(_server, _toClient);
                Deliver(_toServer, _server);
                Deliver(_toClient, _client);
            }

            Assert.Equal(_server.ReceiveWindowAvailableBytes, _client.SendWindowBytes);
            Assert.Equal(_client.ReceiveWindowAvailableBytes, _server.SendWindowBytes);
            Assert.Equal(0, _client.ActiveStreams + _server.ActiveStreams);
            Assert.All(_exchanges.Values, exchange =>
            {
                Assert.Equal(2, exchange.Closed);
                Assert.True(exchange.IsReset || (exchange.Request.EndReceived && exchange.Response.EndReceived));
                Assert.True(exchange.IsReset || (exchange.Request.Received == exchange.Request.Bytes));
                Assert.True(exchange.IsReset || (exchange.Response.Received == exchange.Response.Bytes));
            });
        }

        public Exchange Of(Http2Stream stream) => _exchanges[stream.Id];

        public void Closed(Exchange exchange)
        {
            exchange.Closed++;
            if (exchange.Closed == 2)
            {
                _open.Remove(exchange);
            }
        }

        private void Open()
        {
            Assert.True(_client.TryOpenStream(Headers.Connect(), endStream: false, tag: null, out Http2Stream stream));
            bool stalls = _random.Next(4) == 0;
            var exchange = new Exchange(stream.Id, NewFlow(stalls), NewFlow(stalls)) { Client = stream };
            _exchanges.Add(stream.Id, exchange);
            _open.Add(exchange);
        }

        private Flow NewFlow(bool stalls) => new(_random.Next(256), _random.Next(_random.Next(3) == 0 ? 600_000 : 5_000), stalls);

        /// <summary>Lets the owner of a random stream do something on a random side.</summary>
        private void Act()
        {
            if (_open.Count == 0)
            {
                return;
            }

            Exchange exchange = _open[_random.Next(_open.Count)];
            bool isClient = _random.Next(2) == 0;
            Http2Connection connection = isClient ? _client : _server;
            Http2Stream? stream = isClient ? exchange.Client : exchange.Server;
            if (stream is null)
            {
                return;
            }

            if (_random.Next(3_000) == 0)
            {
                exchange.IsReset = true;
                connection.ResetStream(stream, Http2ErrorCode.Cancel);
                return;
            }

            Flow incoming = isClient ? exchange.Response : exchange.Request;
            if (_random.Next(2) == 0 && !incoming.Stalls && incoming.Unconsumed > 0)
            {
                int consumed = _random.Next(3) == 0 ? _random.Next(incoming.Unconsumed) + 1 : incoming.Unconsumed;
                incoming.Unconsumed -= consumed;
                connection.Consumed(stream, consumed);
                return;
            }

            Send(connection, stream, isClient ? exchange.Request : exchange.Response);
        }

        private void Send(Http2Connection connection, Http2Stream stream, Flow flow)
        {
            if (flow.EndSent)
            {
                return;
            }

            int left = flow.Bytes - flow.Sent;
            if (left == 0)
            {
                flow.EndSent = true;
                connection.CompleteSend(stream);
                return;
            }

            Assert.True(stream.SendWindowBytes >= 0, "A stream's window is overdrawn.");
            Span<byte> room = connection.ReserveData(stream, Math.Min(left, _random.Next(1, 20_000)));
            if (room.IsEmpty)
            {
                return;
            }

            int bytes = _random.Next(room.Length + 1);
            for (int i = 0; i < bytes; i++)
            {
                room[i] = flow.At(flow.Sent + i);
            }

            bool endStream = bytes == left && _random.Next(2) == 0;
            flow.Sent += bytes;
            flow.EndSent |= endStream;
            connection.CommitData(stream, bytes, endStream);
        }

        private void Flush(Http2Connection from, List<byte> link)
        {
            int bytes = Math.Min(from.Output.UnsentBytes, Math.Min(LinkBytesMax - link.Count, _random.Next(60_000)));
            link.AddRange(from.Output.Unsent[..bytes]);
            from.Output.Advance(bytes);
        }

        private void Deliver(List<byte> link, Http2Connection to)
        {
            int count = Math.Min(link.Count, _random.Next(_random.Next(4) == 0 ? 30 : 40_000));
            byte[] bytes = [.. link[..count]];
            link.RemoveRange(0, count);
            to.Receive(bytes, nowMs: 0);
        }
    }

    /// <summary>What each side's owner does about events.</summary>
    private sealed class Side(World world, bool isClient) : IHttp2Handler
    {
        public Http2Connection Connection { get; set; } = null!;

        public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
        {
            if (!isClient)
            {
                world.Of(stream).Server = stream;
                Connection.SendHeaders(stream, Headers.Status(200), endStream: false);
            }
        }

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
        {
            Exchange exchange = world.Of(stream);
            Flow flow = isClient ? exchange.Response : exchange.Request;
            Assert.False(flow.EndReceived);
            for (int i = 0; i < data.Length; i++)
            {
                if (data[i] != flow.At(flow.Received + i))
                {
                    Assert.Fail($"Byte {flow.Received + i} of stream {stream.Id} is wrong.");
                }
            }

            flow.Received += data.Length;
            flow.Unconsumed += data.Length;
            flow.EndReceived = endStream;
            Assert.True(flow.Received <= flow.Sent);
            Assert.Equal(flow.Unconsumed, stream.ReceivedUnconsumed);
        }

        public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
        {
            Assert.True(world.Of(stream).IsReset);
            Assert.True(byPeer);
        }

        public void OnStreamClosed(Http2Stream stream)
        {
            Exchange exchange = world.Of(stream);
            if (isClient)
            {
                exchange.Client = null;
            }
            else
            {
                exchange.Server = null;
            }

            world.Closed(exchange);
        }

        public void OnSendWindowOpened(Http2Stream? stream) => Assert.True(stream is null || stream.SendWindowBytes > 0);

        public void OnGoAway(int lastStreamId, Http2ErrorCode code) => Assert.Fail("Nobody goes.");

        public void OnPingAck(ulong opaque) => Assert.Fail("No PING was sent.");

        public void OnSettingsChanged()
        {
        }
    }
}
