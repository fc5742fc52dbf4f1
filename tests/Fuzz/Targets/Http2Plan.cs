using Mesh.Node.Protocols.Http2;

namespace Mesh.Fuzz.Targets;

/// <summary>What the first two bytes of an input decide: the role, what the owner does, and how the rest is cut.</summary>
internal sealed record Http2Plan(Http2Role Role, Http2Owner Owner, bool HasSmallWindows, bool AllowsConnectProtocol, bool SaidGoAway, bool SkipsPreface, int CutSeed)
{
    /// <summary>Streams a client opens first: GET, POST, CONNECT and HEAD.</summary>
    public const int ClientStreams = 4;

    /// <summary>Events of a kind before it is a flood.</summary>
    public const int FloodBudget = 8;

    public const int PayloadBytesMax = 40_000;
    public const int HeaderListBytesMax = 1_500;
    public const int HeaderListBombFactor = 3;
    public const int HeaderBlockBytesMax = 3_000;
    public const int ContinuationsMax = 6;
    public const int StreamsMax = 8;
    public const int InformationalMax = 3;
    public const int TableBytes = 512;
    public const int SmallWindow = 65_535;
    public const int SmallWindowMax = 100_000;
    public const int LargeWindow = 1 << 30;

    private static readonly RateLimit s_budget = new(Burst: FloodBudget, PerSecond: 0);

    public Http2ConnectionOptions Options => new()
    {
        FrameBytesMax = PayloadBytesMax,
        HeaderListBytesMax = HeaderListBytesMax,
        HeaderListBombFactor = HeaderListBombFactor,
        HeaderBlockBytesMax = HeaderBlockBytesMax,
        ContinuationFramesMax = ContinuationsMax,
        PeerStreamsMax = StreamsMax,
        LocalStreamsMax = StreamsMax,
        InformationalResponsesMax = InformationalMax,
        HeaderTableBytes = TableBytes,
        ConnectionWindowBytes = HasSmallWindows ? SmallWindow : LargeWindow,
        StreamWindowBytes = HasSmallWindows ? SmallWindow : LargeWindow,
        StreamWindowBytesMax = HasSmallWindows ? SmallWindowMax : LargeWindow,
        EnableConnectProtocol = AllowsConnectProtocol,
        UnansweredResets = s_budget,
        ProvokedResets = s_budget,
        SettingsFrames = s_budget,
        PingFrames = s_budget,
        EmptyDataFrames = s_budget,
        WindowUpdateFrames = s_budget,
        PriorityFrames = s_budget,
        IgnoredFrames = s_budget,
    };

    /// <summary>True when the owner resets this stream as soon as it sees one of its header blocks.</summary>
    public bool Resets(int streamId) => Owner == Http2Owner.Resets && streamId % 4 == 3;

    public static Http2Plan Read(byte first, byte second)
    {
        Http2Role role = (first & 1) != 0 ? Http2Role.Client : Http2Role.Server;
        return new Http2Plan(
            role,
            (Http2Owner)((first >> 1) & 3),
            HasSmallWindows: (first & 8) != 0 && (Http2Owner)((first >> 1) & 3) != Http2Owner.Consumes,
            AllowsConnectProtocol: (first & 16) != 0,
            SaidGoAway: (first & 32) != 0 && role == Http2Role.Server,
            SkipsPreface: (first & 64) != 0,
            CutSeed: second);
    }
}

/// <summary>What the owner of the connection does about events.</summary>
internal enum Http2Owner
{
    /// <summary>Nothing at all.</summary>
    Watches,

    /// <summary>A server answers 200 at once and ends when the request ends.</summary>
    Answers,

    /// <summary>Resets every other stream inside its header blocks.</summary>
    Resets,

    /// <summary>Consumes content as it comes.</summary>
    Consumes,
}
