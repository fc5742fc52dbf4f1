namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>The counters of one series on one loop. Written by: that loop's thread. Read by: any.</summary>
internal sealed class TcpCell(TcpSeries series)
{
    private readonly long[] _closed = new long[CloseReasons.FlagsCount];
    private readonly long[] _failed = new long[CloseReasons.FlagsCount];
    private long _opened;
    private long _receivedBytes;
    private long _sentBytes;

    /// <summary>The series this is a part of.</summary>
    public TcpSeries Series { get; } = series;

    public long Opened => Volatile.Read(ref _opened);

    /// <summary>Bytes from the client to the server: istio calls them received, for both reporters.</summary>
    public long ReceivedBytes => Volatile.Read(ref _receivedBytes);

    /// <summary>Bytes from the server to the client: istio calls them sent, for both reporters.</summary>
    public long SentBytes => Volatile.Read(ref _sentBytes);

    public long Closed(ResponseFlags flags) => Volatile.Read(ref _closed[(int)flags]);

    public long Failed(ResponseFlags flags) => Volatile.Read(ref _failed[(int)flags]);

    public void Open() => Volatile.Write(ref _opened, _opened + 1);

    public void AddBytes(long receivedBytes, long sentBytes)
    {
        Volatile.Write(ref _receivedBytes, _receivedBytes + receivedBytes);
        Volatile.Write(ref _sentBytes, _sentBytes + sentBytes);
    }

    public void Close(CloseReason reason)
    {
        int flags = (int)CloseReasons.Flags(reason);
        Volatile.Write(ref _closed[flags], _closed[flags] + 1);
        if (CloseReasons.Kind(reason) != CloseKind.Ended)
        {
            Volatile.Write(ref _failed[flags], _failed[flags] + 1);
        }
    }
}

/// <summary>One istio TCP series: a cell for each loop that has met it.</summary>
/// <param name="key">What tells it from the others; not looked at for the overflow series.</param>
/// <param name="loops">How many loops there are.</param>
/// <param name="labels">Its labels with given flags.</param>
internal sealed class TcpSeries(PartiesKey key, int loops, Func<ResponseFlags, LabelSet> labels) : ISeries<PartiesKey>
{
    private readonly TcpCell?[] _cells = new TcpCell?[loops];
    private readonly LabelSet?[] _labels = new LabelSet?[CloseReasons.FlagsCount];

    /// <inheritdoc />
    public PartiesKey Key { get; } = key;

    /// <inheritdoc />
    public DateTimeOffset? GoneSince { get; set; }

    /// <inheritdoc />
    public bool IsInUse => Open != 0;

    private long Open
    {
        get
        {
            // Closed first: a connection that opens and closes in between may count as open and never as minus one.
            long closed = 0;
            for (int flags = 0; flags < CloseReasons.FlagsCount; flags++)
            {
                closed += Closed((ResponseFlags)flags);
            }

            return Sum(cell => cell.Opened) - closed;
        }
    }

    /// <summary>The cell of a loop, made on first use. That loop's thread.</summary>
    public TcpCell Cell(int loopIndex)
    {
        TcpCell? cell = _cells[loopIndex];
        if (cell is null)
        {
            cell = new TcpCell(this);
            Volatile.Write(ref _cells[loopIndex], cell);
        }

        return cell;
    }

    public long Closed(ResponseFlags flags) => Sum(cell => cell.Closed(flags));

    public long Failed(ResponseFlags flags) => Sum(cell => cell.Failed(flags));

    public long Sum(Func<TcpCell, long> read)
    {
        long sum = 0;
        for (int index = 0; index < _cells.Length; index++)
        {
            if (Volatile.Read(ref _cells[index]) is TcpCell cell)
            {
                sum += read(cell);
            }
        }

        return sum;
    }

    /// <summary>The labels, made on first use: scrapes ask for the same ones again and again.</summary>
    public LabelSet Labels(ResponseFlags flags) => _labels[(int)flags] ??= labels(flags);
}
