namespace Mesh.Node.Protocols.Http2;

/// <summary>Every number of an HTTP/2 connection. Immutable, so one instance serves all connections of a kind.</summary>
/// <remarks>
/// The defaults are those of ambient's HBONE where it has one; the flood limits are tokens that refill (<see cref="RateLimit"/>).
/// </remarks>
public sealed record Http2ConnectionOptions
{
    /// <summary>The smallest receive windows: RFC 9113 §6.9.2 lets the peer send this much before it has seen our settings.</summary>
    public const int WindowBytesMin = 65_535;

    /// <summary>
    /// Receive window of the connection, 65 535 to 2^31-1. Returned on receipt, so it only has to cover what is in flight.
    /// </summary>
    public int ConnectionWindowBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Receive window of a new stream, 65 535 to 2^31-1. Returned on delivery.</summary>
    public int StreamWindowBytes { get; init; } = 256 * 1024;

    /// <summary>What a stream's window may grow to while its reader keeps up.</summary>
    public int StreamWindowBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>SETTINGS_MAX_FRAME_SIZE, 16 384 to 16 777 215. DATA is passed on as it arrives, so a large frame costs no memory.</summary>
    public int FrameBytesMax { get; init; } = 1024 * 1024;

    /// <summary>The largest DATA payload we send: with its header it fills one TLS record.</summary>
    public int DataBytesMax { get; init; } = 16_384 - Frames.FrameHeader.SizeBytes;

    /// <summary>SETTINGS_MAX_HEADER_LIST_SIZE: a longer list is refused (431 from a server) and its connection lives on.</summary>
    public int HeaderListBytesMax { get; init; } = 64 * 1024;

    /// <summary>A list that decodes to this many times <see cref="HeaderListBytesMax"/> ends the connection.</summary>
    public int HeaderListBombFactor { get; init; } = 8;

    /// <summary>The largest header block, still compressed, that is collected from its frames.</summary>
    public int HeaderBlockBytesMax { get; init; } = 128 * 1024;

    /// <summary>The largest number of CONTINUATION frames of one header block.</summary>
    public int ContinuationFramesMax { get; init; } = 32;

    /// <summary>How long a header block may take from its first frame to its last, in milliseconds.</summary>
    public int HeaderBlockMsMax { get; init; } = 60_000;

    /// <summary>SETTINGS_HEADER_TABLE_SIZE: the dynamic table the peer may make us keep.</summary>
    public int HeaderTableBytes { get; init; } = Hpack.HpackDecoder.TableBytesDefault;

    /// <summary>The largest dynamic table we keep for what we send.</summary>
    public int EncoderTableBytesMax { get; init; } = Hpack.HpackDecoder.TableBytesDefault;

    /// <summary>SETTINGS_MAX_CONCURRENT_STREAMS: how many streams the peer may have open.</summary>
    public int PeerStreamsMax { get; init; } = 200;

    /// <summary>How many streams we open at once, whatever the peer would allow.</summary>
    public int LocalStreamsMax { get; init; } = 100;

    /// <summary>The largest stream identifier we use. After it the connection takes no new streams.</summary>
    public int StreamIdMax { get; init; } = int.MaxValue;

    /// <summary>SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441), servers only.</summary>
    public bool EnableConnectProtocol { get; init; }

    /// <summary>From this many unsent bytes on, no DATA is added to the output.</summary>
    public int OutputHighWaterBytes { get; init; } = 64 * 1024;

    /// <summary>From this many unsent bytes on, a peer that still makes us answer ends its connection.</summary>
    public int OutputBytesMax { get; init; } = 512 * 1024;

    /// <summary>How long the peer may take to acknowledge SETTINGS, in milliseconds.</summary>
    public int SettingsAckMsMax { get; init; } = 20_000;

    /// <summary>How long the peer may keep the connection's window closed while streams are open, in milliseconds.</summary>
    public int WindowClosedMsMax { get; init; } = 600_000;

    /// <summary>How long a graceful GOAWAY waits for the peer's answer before the final one, in milliseconds.</summary>
    public int DrainPingMsMax { get; init; } = 5_000;

    /// <summary>Closed streams kept for the next ones.</summary>
    public int PooledStreamsMax { get; init; } = 128;

    /// <summary>Streams the peer resets before we answered them. Answered ones cost the peer a round trip each and are free.</summary>
    public RateLimit UnansweredResets { get; init; } = new(Burst: 1_000, PerSecond: 200);

    /// <summary>Streams we have to reset or refuse for an error of the peer.</summary>
    public RateLimit ProvokedResets { get; init; } = new(Burst: 200, PerSecond: 20);

    /// <summary>SETTINGS frames.</summary>
    public RateLimit SettingsFrames { get; init; } = new(Burst: 32, PerSecond: 4);

    /// <summary>PING frames, acknowledgements included.</summary>
    public RateLimit PingFrames { get; init; } = new(Burst: 256, PerSecond: 64);

    /// <summary>DATA frames that carry no data and do not end their stream.</summary>
    public RateLimit EmptyDataFrames { get; init; } = new(Burst: 128, PerSecond: 32);

    /// <summary>WINDOW_UPDATE frames beyond two for every DATA frame we sent.</summary>
    public RateLimit WindowUpdateFrames { get; init; } = new(Burst: 2_000, PerSecond: 500);

    /// <summary>PRIORITY frames.</summary>
    public RateLimit PriorityFrames { get; init; } = new(Burst: 1_000, PerSecond: 100);

    /// <summary>Frames of unknown type, and frames for streams that are closed.</summary>
    public RateLimit IgnoredFrames { get; init; } = new(Burst: 2_000, PerSecond: 500);

    /// <summary>Informational responses (1xx) before one final response.</summary>
    public int InformationalResponsesMax { get; init; } = 16;

    internal void Validate()
    {
        InRange(ConnectionWindowBytes, WindowBytesMin, int.MaxValue, nameof(ConnectionWindowBytes));
        InRange(StreamWindowBytes, WindowBytesMin, int.MaxValue, nameof(StreamWindowBytes));
        InRange(StreamWindowBytesMax, StreamWindowBytes, int.MaxValue, nameof(StreamWindowBytesMax));
        InRange(FrameBytesMax, 16_384, 16_777_215, nameof(FrameBytesMax));
        InRange(DataBytesMax, 1, 16_777_215, nameof(DataBytesMax));
        InRange(HeaderListBytesMax, 0, int.MaxValue, nameof(HeaderListBytesMax));
        InRange(HeaderListBombFactor, 1, 1_000_000, nameof(HeaderListBombFactor));
        InRange(HeaderBlockBytesMax, 1, int.MaxValue, nameof(HeaderBlockBytesMax));
        InRange(ContinuationFramesMax, 0, int.MaxValue, nameof(ContinuationFramesMax));
        InRange(HeaderTableBytes, 0, 1024 * 1024, nameof(HeaderTableBytes));
        InRange(EncoderTableBytesMax, 0, 1024 * 1024, nameof(EncoderTableBytesMax));
        InRange(PeerStreamsMax, 0, int.MaxValue, nameof(PeerStreamsMax));
        InRange(LocalStreamsMax, 0, int.MaxValue, nameof(LocalStreamsMax));
        InRange(StreamIdMax, 0, int.MaxValue, nameof(StreamIdMax));
        InRange(OutputHighWaterBytes, 1, int.MaxValue, nameof(OutputHighWaterBytes));
        InRange(OutputBytesMax, OutputHighWaterBytes, int.MaxValue, nameof(OutputBytesMax));
        InRange(InformationalResponsesMax, 0, int.MaxValue, nameof(InformationalResponsesMax));
    }

    private static void InRange(int value, int min, int max, string name)
    {
        if (value < min || value > max)
        {
            throw new ArgumentOutOfRangeException(name, value, $"Must be {min} to {max}.");
        }
    }
}
