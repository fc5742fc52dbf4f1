using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>What is measured of the requests of one series.</summary>
internal enum RequestMeasure
{
    /// <summary>Milliseconds from the first byte of the request to the last of the response.</summary>
    Duration,

    /// <summary>Bytes of the request's content.</summary>
    RequestBytes,

    /// <summary>Bytes of the response's content.</summary>
    ResponseBytes,
}

/// <summary>The counters of one series on one loop. Written by: that loop's thread. Read by: any.</summary>
internal sealed class RequestCell
{
    private const int Measures = (int)RequestMeasure.ResponseBytes + 1;

    private static readonly HistogramBounds s_bounds = HistogramBounds.Default;

    private readonly long[] _counts = new long[Measures * s_bounds.BucketCount];
    private readonly long[] _sums = new long[Measures];
    private long _requestMessages;
    private long _responseMessages;

    /// <summary>gRPC messages from clients.</summary>
    public long RequestMessages => Volatile.Read(ref _requestMessages);

    /// <summary>gRPC messages to clients.</summary>
    public long ResponseMessages => Volatile.Read(ref _responseMessages);

    /// <summary>Counts a request that has ended.</summary>
    public void Add(RequestRecord record)
    {
        Add(RequestMeasure.Duration, record.DurationMs);
        Add(RequestMeasure.RequestBytes, record.RequestBytes);
        Add(RequestMeasure.ResponseBytes, record.ResponseBytes);
        if (record.IsGrpc)
        {
            Volatile.Write(ref _requestMessages, _requestMessages + record.RequestMessages);
            Volatile.Write(ref _responseMessages, _responseMessages + record.ResponseMessages);
        }
    }

    /// <summary>Adds the counts of a measure's buckets to <paramref name="counts"/>.</summary>
    /// <returns>The sum of its values.</returns>
    public long Read(RequestMeasure measure, long[] counts)
    {
        int first = (int)measure * s_bounds.BucketCount;
        for (int bucket = 0; bucket < counts.Length; bucket++)
        {
            counts[bucket] += Volatile.Read(ref _counts[first + bucket]);
        }

        return Volatile.Read(ref _sums[(int)measure]);
    }

    /// <summary>How many requests there were.</summary>
    public long CountRequests()
    {
        // Every request has a duration: another counter would only cost.
        long requests = 0;
        for (int bucket = 0; bucket < s_bounds.BucketCount; bucket++)
        {
            requests += Volatile.Read(ref _counts[bucket]);
        }

        return requests;
    }

    private void Add(RequestMeasure measure, long value)
    {
        ref long count = ref _counts[((int)measure * s_bounds.BucketCount) + s_bounds.BucketOf(value)];
        Volatile.Write(ref count, count + 1);
        ref long sum = ref _sums[(int)measure];
        Volatile.Write(ref sum, sum + value);
    }
}

/// <summary>One istio series of requests: a cell for each loop that has met it.</summary>
/// <param name="key">What tells it from the others; not looked at for the overflow series.</param>
/// <param name="loops">How many loops there are.</param>
/// <param name="labels">Its labels.</param>
internal sealed class RequestSeries(RequestSeriesKey key, int loops, LabelSet labels) : ISeries<RequestSeriesKey>
{
    private readonly RequestCell?[] _cells = new RequestCell?[loops];

    /// <inheritdoc />
    public RequestSeriesKey Key { get; } = key;

    /// <inheritdoc />
    public DateTimeOffset? GoneSince { get; set; }

    /// <summary>Never: a request comes to its series when it has ended.</summary>
    public bool IsInUse => false;

    /// <summary>The labels of every metric of it.</summary>
    public LabelSet Labels { get; } = labels;

    /// <summary>The cell of a loop, made on first use. That loop's thread.</summary>
    public RequestCell Cell(int loopIndex)
    {
        RequestCell? cell = _cells[loopIndex];
        if (cell is null)
        {
            cell = new RequestCell();
            Volatile.Write(ref _cells[loopIndex], cell);
        }

        return cell;
    }

    /// <summary>A count over all loops.</summary>
    public long Sum(Func<RequestCell, long> read)
    {
        long sum = 0;
        for (int index = 0; index < _cells.Length; index++)
        {
            if (Volatile.Read(ref _cells[index]) is RequestCell cell)
            {
                sum += read(cell);
            }
        }

        return sum;
    }

    /// <summary>A histogram over all loops.</summary>
    public HistogramValue Histogram(RequestMeasure measure)
    {
        long[] counts = new long[HistogramBounds.Default.BucketCount];
        long sum = Sum(cell => cell.Read(measure, counts));
        return new HistogramValue(HistogramBounds.Default, counts, sum);
    }
}
