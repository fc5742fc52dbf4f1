using System.Diagnostics;
using System.Net;
using Mesh.Bench.Load.Measuring;
using Mesh.Interop.Linux;

namespace Mesh.Bench.Load.Generators.FixedRate;

/// <summary>
/// Sends requests at a fixed rate over keep-alive connections, whatever the answers take, and measures each from the moment it was due:
/// a stall is paid for by every request that fell into it. One epoll instance, one thread at a time, no allocation for a request.
/// </summary>
internal sealed partial class RateRun : IDisposable
{
    // Fine enough that what is due together is a handful, coarse enough that the clock costs little.
    private static readonly TimeSpan s_tick = TimeSpan.FromMicroseconds(100);
    private static readonly TimeSpan s_connectLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_drainLimit = TimeSpan.FromSeconds(5);

    private const ulong TimerToken = ulong.MaxValue;
    private const int PollMs = 100;

    private readonly RateConnection[] _connections;
    private readonly EpollHandle _epoll = EpollHandle.Create();
    private readonly byte[] _buffer = new byte[16_384];
    private readonly ReadyEvent[] _events = new ReadyEvent[64];
    private int _next;

    private RateRun(RateConnection[] connections) => _connections = connections;

    /// <summary>Connects, in the calling thread's network namespace. What follows may be anywhere.</summary>
    /// <exception cref="BenchException">A connection failed.</exception>
    public static RateRun Open(IPEndPoint target, int connections)
    {
        var run = new RateRun(
            [.. Enumerable.Range(0, connections).Select(_ => new RateConnection(Sockets.OpenTcp(target.AddressFamily)))]);
        try
        {
            run.Connect(target);
            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>Sends at a rate for a time, and takes all answers.</summary>
    /// <returns>The time every answer took.</returns>
    /// <exception cref="BenchException">A connection failed, or answers are missing long after the end.</exception>
    public LatencyHistogram Send(double requestsPerSecond, TimeSpan duration)
    {
        var latencies = new LatencyHistogram();
        var schedule = new Schedule(requestsPerSecond, s_tick);
        long startedAt = Stopwatch.GetTimestamp();
        using var timer = new IntervalTimer(s_tick);
        _epoll.Add(timer.Handle, EpollEvents.In, TimerToken).OrThrow("epoll_ctl");
        long ticks = 0;
        long ticksEnd = duration.Ticks / s_tick.Ticks;
        while (ticks < ticksEnd || Array.Exists(_connections, connection => !connection.IsIdle))
        {
            int ready = _epoll.Wait(_events, PollMs);
            foreach (ReadyEvent report in _events.AsSpan(0, ready))
            {
                if (report.Token == TimerToken)
                {
                    long until = Math.Min(ticks + timer.TakeExpirations(), ticksEnd);
                    while (ticks < until)
                    {
                        ticks++;
                        Release(schedule.TakeDue(ticks), DueAt(startedAt, ticks));
                    }
                }
                else if (_connections[report.Token].Receive(_buffer) is { } dueAt)
                {
                    latencies.Add((long)Stopwatch.GetElapsedTime(dueAt).TotalMicroseconds);
                }
            }

            if (Stopwatch.GetElapsedTime(startedAt) > duration + s_drainLimit)
            {
                throw new BenchException($"requests are not answered {s_drainLimit.TotalSeconds} s after the last was due");
            }
        }

        return latencies;
    }

    public void Dispose()
    {
        _epoll.Dispose();
        foreach (RateConnection connection in _connections)
        {
            connection.Dispose();
        }
    }

    private void Connect(IPEndPoint target)
    {
        for (int index = 0; index < _connections.Length; index++)
        {
            SocketHandle socket = _connections[index].Socket;
            SocketOptions.NoDelay(socket, on: true).OrThrow("setsockopt TCP_NODELAY");
            SysResult begun = Sockets.Connect(socket, target);
            if (!begun.Ok && !begun.InProgress)
            {
                throw new BenchException($"cannot connect to {target}: {begun.Error}");
            }

            _epoll.Add(socket, EpollEvents.Out | EpollEvents.OneShot, (ulong)index).OrThrow("epoll_ctl");
        }

        int connected = 0;
        long start = Stopwatch.GetTimestamp();
        while (connected < _connections.Length)
        {
            int ready = _epoll.Wait(_events, PollMs);
            foreach (ReadyEvent report in _events.AsSpan(0, ready))
            {
                SocketHandle socket = _connections[report.Token].Socket;
                Errno error = Sockets.TakeError(socket);
                if (error != Errno.None)
                {
                    throw new BenchException($"cannot connect to {target}: {error}");
                }

                _epoll.Modify(socket, EpollEvents.In, report.Token).OrThrow("epoll_ctl");
                connected++;
            }

            if (Stopwatch.GetElapsedTime(start) > s_connectLimit)
            {
                throw new BenchException($"{_connections.Length - connected} connections to {target} are not there in time");
            }
        }
    }

    private void Release(int count, long dueAt)
    {
        for (; count > 0; count--)
        {
            _connections[_next].Add(dueAt);
            _next = (_next + 1) % _connections.Length;
        }
    }

    private static long DueAt(long startedAt, long ticks) =>
        startedAt + (long)(ticks * s_tick.TotalSeconds * Stopwatch.Frequency);
}
