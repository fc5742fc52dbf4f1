using System.Diagnostics;
using System.Globalization;
using Mesh.Interop.Linux;

namespace Mesh.Bench.Load.Generators.FixedRate;

/// <summary>As much as a share of a processor can ask for, whatever becomes of the answers.</summary>
internal sealed partial class RateRun
{
    private static readonly TimeSpan s_shareCheck = TimeSpan.FromMilliseconds(1);

    /// <summary>
    /// Asks on every connection as soon as it is answered, until told to stop, on no more than a share of the calling thread's processor.
    /// Answers that are still due then are not waited for.
    /// </summary>
    /// <param name="processorShare">Above 0, to 1.</param>
    /// <param name="stop">Asked once a millisecond.</param>
    /// <returns>Answers taken.</returns>
    /// <exception cref="BenchException">A connection failed.</exception>
    public long Flood(double processorShare, Func<bool> stop)
    {
        long answers = 0;
        long startedAt = Stopwatch.GetTimestamp();
        long checkedAt = startedAt;
        TimeSpan usedBefore = ProcessorTime();
        using EpollHandle pause = EpollHandle.Create();
        foreach (RateConnection connection in _connections)
        {
            connection.Add(startedAt);
        }

        while (!stop())
        {
            while (Stopwatch.GetElapsedTime(checkedAt) < s_shareCheck)
            {
                int ready = _epoll.Wait(_events, (int)s_shareCheck.TotalMilliseconds);
                foreach (ReadyEvent report in _events.AsSpan(0, ready))
                {
                    if (_connections[report.Token].Receive(_buffer) is not null)
                    {
                        answers++;
                        _connections[report.Token].Add(checkedAt);
                    }
                }
            }

            TimeSpan ahead = (ProcessorTime() - usedBefore) - (Stopwatch.GetElapsedTime(startedAt) * processorShare);
            if (ahead > TimeSpan.Zero)
            {
                // Nothing is watched by it: the time passes.
                pause.Wait(_events, (int)Math.Ceiling((ahead / processorShare).TotalMilliseconds));
            }

            checkedAt = Stopwatch.GetTimestamp();
        }

        return answers;
    }

    /// <summary>What the calling thread has run for, as the scheduler counts it (proc(5), schedstat).</summary>
    private static TimeSpan ProcessorTime()
    {
        const long NanosecondsPerTick = 100;
        string nanoseconds = File.ReadAllText("/proc/thread-self/schedstat").Split(' ')[0];
        return TimeSpan.FromTicks(long.Parse(nanoseconds, CultureInfo.InvariantCulture) / NanosecondsPerTick);
    }
}
