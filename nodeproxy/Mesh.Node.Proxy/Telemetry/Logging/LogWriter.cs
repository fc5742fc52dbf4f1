using System.Collections.Concurrent;
using System.Text.Json.Serialization;
using Mesh.Node.Proxy.Telemetry.Requests;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>How the log is written. Section <c>log</c> of the node's configuration file.</summary>
public sealed class LogOptions
{
    /// <summary>The least level at start; <c>/logging</c> turns it later.</summary>
    [JsonConverter(typeof(LogLevelJsonConverter))]
    public LogLevel Level { get; set; } = LogLevel.Information;

    /// <summary>The program's own lines.</summary>
    public LogFormat Format { get; set; } = LogFormat.Text;

    /// <summary>The line of each connection.</summary>
    public AccessLogMode Access { get; set; } = AccessLogMode.Text;

    /// <summary>The line of each request, as istio writes it.</summary>
    public AccessLogMode Requests { get; set; } = AccessLogMode.Off;

    /// <summary>
    /// Connections that may wait to be logged, for each loop, and requests as many. A power of two; further ones are dropped and counted.
    /// </summary>
    public int AccessQueueMax { get; set; } = 4_096;

    /// <summary>Lines of the program that may wait. Further ones are dropped and counted.</summary>
    public int LineQueueMax { get; set; } = 4_096;
}

/// <summary>The one thread that writes the log, so that a slow reader of our output can never hold a loop.</summary>
/// <remarks>
/// Loops hand over connections and requests through rings of their own, everybody else lines through one bounded queue; all drop when
/// full. The thread gathers what comes within a few milliseconds into one write.
/// </remarks>
public sealed class LogWriter : IDisposable
{
    /// <summary>Requests that may wait of a loop that was not meant to hand any over. A power of two.</summary>
    private const int LateQueueMax = 512;

    /// <summary>Bytes gathered for one write.</summary>
    private const int WriteBytes = 32 * 1024;

    /// <summary>How long the thread waits for company after it was woken: this many wake-ups a second at most. Milliseconds.</summary>
    private const int GatherMs = 10;

    private static readonly TimeSpan s_stopTime = TimeSpan.FromSeconds(2);

    private readonly Stream _output;
    private readonly LogOptions _options;
    private readonly AccessLogRing[] _rings;
    private readonly RequestLogRing?[] _requestRings;
    private readonly ConcurrentQueue<byte[]> _lines = new();
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly ManualResetEventSlim _stopping = new();
    private readonly Thread _thread;
    private readonly LogLine _buffer = new();

    private int _lineCount;
    private long _linesDropped;
    private long _accessWritten;
    private long _writeFailures;

    // 1 while the thread is, or is about to be, asleep: whoever turns it to 0 owes it one wake-up.
    private int _isAsleep;

    /// <summary>Starts the thread.</summary>
    /// <param name="output">Where lines go; not closed.</param>
    /// <param name="options">Levels, formats and limits.</param>
    /// <param name="loops">How many loops hand connections over.</param>
    public LogWriter(Stream output, LogOptions options, int loops)
    {
        ArgumentNullException.ThrowIfNull(options);
        _output = output;
        _options = options;
        Level = new LogLevelSwitch(options.Level);
        _rings = new AccessLogRing[loops];
        for (int index = 0; index < loops; index++)
        {
            _rings[index] = new AccessLogRing(options.AccessQueueMax);
        }

        _requestRings = new RequestLogRing?[loops];
        for (int index = 0; options.Requests != AccessLogMode.Off && index < loops; index++)
        {
            _requestRings[index] = new RequestLogRing(options.AccessQueueMax);
        }

        _thread = new Thread(Run) { Name = "log-writer", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The least level that is written.</summary>
    public LogLevelSwitch Level { get; }

    /// <summary>How the program's own lines are written.</summary>
    internal LogFormat Format => _options.Format;

    /// <summary>Whether requests are logged now of whose workloads nothing is said.</summary>
    internal bool WritesRequests => _options.Requests != AccessLogMode.Off && CanWriteRequests;

    /// <summary>Whether requests are logged now of whose workloads it is asked for.</summary>
    internal bool CanWriteRequests => Level.IsEnabled(LogLevel.Information);

    /// <summary>Connections and requests logged so far.</summary>
    public long AccessWritten => Volatile.Read(ref _accessWritten);

    /// <summary>Connections and requests not logged because the writer was behind.</summary>
    public long AccessDropped => _rings.Sum(ring => ring.Dropped) + _requestRings.Sum(ring => ring?.Dropped ?? 0);

    /// <summary>Lines of the program not written because the writer was behind.</summary>
    public long LinesDropped => Volatile.Read(ref _linesDropped);

    /// <summary>Writes that the output refused; their lines are lost.</summary>
    public long WriteFailures => Volatile.Read(ref _writeFailures);

    /// <summary>Hands a connection over if its line is wanted. Loop thread; never blocks, never allocates.</summary>
    internal void Access(int loopIndex, ConnectionRecord record, AccessEvent what)
    {
        if (_options.Access != AccessLogMode.Off && Level.IsEnabled(AccessLogFormatter.LevelOf(record, what)))
        {
            _rings[loopIndex].Enqueue(record, what);
            Wake();
        }
    }

    /// <summary>
    /// Hands a copy of a request over, whose line is wanted. Loop thread; never blocks, allocates only where its texts are longer than all
    /// before them, and for the first of a loop where the node's options want none.
    /// </summary>
    internal void Request(int loopIndex, RequestRecord record)
    {
        RequestLogRing? ring = _requestRings[loopIndex];
        if (ring is null)
        {
            ring = new RequestLogRing(Math.Min(_options.AccessQueueMax, LateQueueMax));
            Volatile.Write(ref _requestRings[loopIndex], ring);
        }

        ring.Enqueue(record);
        Wake();
    }

    /// <summary>Hands a finished line over. Any thread; never blocks.</summary>
    internal void Line(byte[] line)
    {
        if (Interlocked.Increment(ref _lineCount) > _options.LineQueueMax)
        {
            Interlocked.Decrement(ref _lineCount);
            Interlocked.Increment(ref _linesDropped);
            return;
        }

        _lines.Enqueue(line);
        Wake();
    }

    /// <summary>Writes what was handed over before, within a time limit, and ends the thread.</summary>
    public void Dispose()
    {
        if (!_stopping.IsSet)
        {
            // The events stay usable: somebody may still log, to nobody.
            _stopping.Set();
            _wake.Set();
            _thread.Join(s_stopTime);
        }
    }

    private void Wake()
    {
        // What was enqueued must be visible before the flag is read, or the thread could miss it and we the thread.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _isAsleep) == 1 && Interlocked.Exchange(ref _isAsleep, 0) == 1)
        {
            _wake.Set();
        }
    }

    private void Run()
    {
        while (true)
        {
            bool isLast = _stopping.IsSet;
            Drain();
            if (isLast)
            {
                return;
            }

            Interlocked.Exchange(ref _isAsleep, 1);
            if (_lines.IsEmpty
                && Array.TrueForAll(_rings, ring => ring.IsEmpty)
                && Array.TrueForAll(_requestRings, ring => ring is null or { IsEmpty: true }))
            {
                _wake.WaitOne();
            }

            Volatile.Write(ref _isAsleep, 0);
            _stopping.Wait(GatherMs);
        }
    }

    private void Drain()
    {
        while (_lines.TryDequeue(out byte[]? line))
        {
            Interlocked.Decrement(ref _lineCount);
            _buffer.Bytes(line);
            WriteWhen(WriteBytes);
        }

        LogFormat format = FormatOf(_options.Access);
        foreach (AccessLogRing ring in _rings)
        {
            while (ring.TryDequeue(out AccessLogRing.Entry entry))
            {
                AccessLogFormatter.Write(_buffer, format, entry.Record, entry.Event);
                Volatile.Write(ref _accessWritten, _accessWritten + 1);
                WriteWhen(WriteBytes);
            }
        }

        format = FormatOf(_options.Requests);
        for (int index = 0; index < _requestRings.Length; index++)
        {
            if (Volatile.Read(ref _requestRings[index]) is not RequestLogRing ring)
            {
                continue;
            }

            while (ring.Peek() is RequestRecord record)
            {
                RequestLogFormatter.Write(_buffer, format, record);
                ring.Advance();
                Volatile.Write(ref _accessWritten, _accessWritten + 1);
                WriteWhen(WriteBytes);
            }
        }

        WriteWhen(1);
    }

    private static LogFormat FormatOf(AccessLogMode mode) => mode == AccessLogMode.Json ? LogFormat.Json : LogFormat.Text;

    private void WriteWhen(int bytes)
    {
        if (_buffer.Length < bytes)
        {
            return;
        }

        try
        {
            _output.Write(_buffer.Written);
            _output.Flush();
        }
        catch (IOException)
        {
            // Whoever read our output is gone. The proxy goes on; the metric says that the log does not.
            Interlocked.Increment(ref _writeFailures);
        }

        _buffer.Clear();
    }
}
