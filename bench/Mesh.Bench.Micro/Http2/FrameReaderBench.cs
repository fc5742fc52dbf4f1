using BenchmarkDotNet.Attributes;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Frames;

namespace Mesh.Bench.Micro.Http2;

/// <summary>
/// Cost of taking DATA frames off received bytes, at several sizes of frame and of what the transport reads at once. Budget: 0 B per frame.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class FrameReaderBench
{
    private const int FramesPerRun = 1_000;

    private readonly CountingOwner _owner = new();
    private byte[] _frames = [];
    private Http2Connection _server = null!;

    [Params(64, 1_024, 16_384)]
    public int PayloadBytes { get; set; }

    /// <summary>1 460: a packet, so that headers and payloads are cut. 65 536: what a busy loop reads at once.</summary>
    [Params(1_460, 65_536)]
    public int ReadBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        // The opening is written by a client engine; the frames that are measured are laid out here.
        var client = new Http2Connection(Http2Role.Client, new Http2ConnectionOptions(), new CountingOwner());
        client.Start();
        client.TryOpenStream(LinkedEngines.Connect(), endStream: false, tag: null, out Http2Stream stream);
        var options = new Http2ConnectionOptions { ConnectionWindowBytes = int.MaxValue, StreamWindowBytes = int.MaxValue, StreamWindowBytesMax = int.MaxValue };
        _server = _owner.Connection = new Http2Connection(Http2Role.Server, options, _owner);
        _server.Start();
        _server.Receive(client.Output.Unsent, nowMs: 0);

        int frameBytes = FrameHeader.SizeBytes + PayloadBytes;
        _frames = new byte[FramesPerRun * frameBytes];
        for (int frame = 0; frame < FramesPerRun; frame++)
        {
            FrameHeader.Write(_frames.AsSpan(frame * frameBytes), PayloadBytes, FrameType.Data, FrameFlags.None, stream.Id);
        }
    }

    [Benchmark(OperationsPerInvoke = FramesPerRun)]
    public long ReadAll()
    {
        ReadOnlySpan<byte> left = _frames;
        while (!left.IsEmpty)
        {
            int bytes = Math.Min(left.Length, ReadBytes);
            _server.Receive(left[..bytes], nowMs: 0);
            left = left[bytes..];
        }

        _server.Output.Advance(_server.Output.UnsentBytes);
        return _owner.Bytes;
    }

    private sealed class CountingOwner : IHttp2Handler
    {
        public Http2Connection? Connection { get; set; }

        public long Bytes { get; private set; }

        public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
        {
        }

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
        {
            Bytes += data.Length;
            Connection?.Consumed(stream, data.Length);
        }

        public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer) => throw new InvalidOperationException(code.ToString());

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
