namespace Mesh.Node.Transport.EventLoops;

/// <summary>The loops of the process, one for each processor it may use.</summary>
public sealed class EventLoopGroup : IDisposable
{
    /// <summary>A home is loaded when it is outside its wait for more of its time than this.</summary>
    private const int LoadedPermille = 800;

    /// <summary>Another loop takes its connections when it is idler by at least this much.</summary>
    private const int ClearlyIdlerPermille = 300;

    /// <summary>Sockets up to which a home keeps even what could live anywhere: handing it over would cost more than it gives.</summary>
    private const int KeptConnections = 8;

    private readonly EventLoop[] _loops;
    private readonly LoopWatchdog _watchdog;
    private int _next;
    private int _spills;
    private int _shares;

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

    /// <summary>
    /// The loop for a connection of a pod that is homed on <paramref name="home"/>: home, unless it is loaded and another is not.
    /// </summary>
    /// <remarks>
    /// Any thread; no locks, and no more than two reads while home has time to spare. The figures are those of the last 100 to 200 ms, so
    /// of the connections that come meanwhile every second stays, and the others go to all idle loops in turn: the burst that loads one
    /// loop must not be moved whole to the next.
    /// </remarks>
    public EventLoop PickFor(EventLoop home)
    {
        int homeBusyPermille = home.BusyPermille;
        if (homeBusyPermille < LoadedPermille)
        {
            return home;
        }

        int turn = Interlocked.Increment(ref _spills) & int.MaxValue;
        if (turn % 2 == 0)
        {
            return home;
        }

        for (int i = 0; i < _loops.Length; i++)
        {
            EventLoop other = _loops[((turn / 2) + i) % _loops.Length];
            if (other != home && other.BusyPermille <= homeBusyPermille - ClearlyIdlerPermille)
            {
                return other;
            }
        }

        return home;
    }

    /// <summary>
    /// The loop for a connection that shares nothing with the others of its pod: all loops in turn, unless one has more than its part
    /// already.
    /// </summary>
    /// <remarks>
    /// Any thread; no locks. In turn rather than to the emptiest: what is handed to another loop counts there only once it has begun, and a
    /// burst would all go there. Busyness comes too late for a burst: it is that of the last 100 ms.
    /// </remarks>
    public EventLoop PickEvenly(EventLoop home)
    {
        int homeConnections = home.ConnectionCount;
        if (homeConnections >= KeptConnections)
        {
            EventLoop next = _loops[(Interlocked.Increment(ref _shares) & int.MaxValue) % _loops.Length];
            if (next != home && next.ConnectionCount <= homeConnections && !IsBusier(next, home))
            {
                return next;
            }
        }

        return PickFor(home);
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

    /// <summary>Whether a loop is loaded, and more than another.</summary>
    private static bool IsBusier(EventLoop loop, EventLoop other)
    {
        int busyPermille = loop.BusyPermille;
        return busyPermille >= LoadedPermille && busyPermille > other.BusyPermille;
    }
}
