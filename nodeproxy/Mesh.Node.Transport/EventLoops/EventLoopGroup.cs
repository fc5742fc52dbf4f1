namespace Mesh.Node.Transport.EventLoops;

/// <summary>The loops of the process, one for each processor it may use.</summary>
public sealed class EventLoopGroup : IDisposable
{
    private readonly EventLoop[] _loops;
    private readonly LoopWatchdog _watchdog;
    private int _next;

    private EventLoopGroup(EventLoop[] loops)
    {
        _loops = loops;
        _watchdog = LoopWatchdog.Start(loops);
    }

    /// <summary>All loops, by <see cref="EventLoop.Index"/>.</summary>
    public IReadOnlyList<EventLoop> Loops => _loops;

    /// <summary>Starts <paramref name="count"/> loops.</summary>
    public static EventLoopGroup Start(int count, EventLoopOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var loops = new EventLoop[count];
        for (int i = 0; i < count; i++)
        {
            loops[i] = EventLoop.Start($"mesh-loop-{i}", i, options);
        }

        return new EventLoopGroup(loops);
    }

    /// <summary>The loop with the fewest connections; ties go round. Any thread.</summary>
    public EventLoop PickHome()
    {
        int start = Interlocked.Increment(ref _next) & int.MaxValue;
        EventLoop best = _loops[start % _loops.Length];
        for (int i = 1; i < _loops.Length; i++)
        {
            EventLoop other = _loops[(start + i) % _loops.Length];
            if (other.ConnectionCount < best.ConnectionCount)
            {
                best = other;
            }
        }

        return best;
    }

    /// <summary>Stops every loop. Connections must be gone.</summary>
    public void Dispose()
    {
        _watchdog.Dispose();
        foreach (EventLoop loop in _loops)
        {
            loop.Dispose();
        }
    }
}
