namespace Mesh.Node.Transport.EventLoops;

/// <summary>A ring of slots, each a list of timers due in some revolution of that slot. All operations are O(1) but the walk of a due slot.</summary>
internal sealed class TimerWheel
{
    private readonly LoopTimer?[] _slots;
    private readonly int _tickMs;
    private long _tick;

    public TimerWheel(int tickMs, int slotCount, long nowMs)
    {
        _tickMs = tickMs;
        _slots = new LoopTimer?[slotCount];
        _tick = nowMs / tickMs;
    }

    public int Count { get; private set; }

    public void Add(LoopTimer timer)
    {
        // Rounded up, and never into the slot being walked: a timer is never early.
        long dueTick = Math.Max((timer.DueMs + _tickMs - 1) / _tickMs, _tick + 1);
        timer.Wheel = this;
        timer.DueMs = dueTick * _tickMs;
        ref LoopTimer? head = ref _slots[dueTick % _slots.Length];
        timer.Next = head;
        timer.Previous = null;
        if (head is not null)
        {
            head.Previous = timer;
        }

        head = timer;
        Count++;
    }

    public void Remove(LoopTimer timer)
    {
        if (timer.Previous is not null)
        {
            timer.Previous.Next = timer.Next;
        }
        else
        {
            _slots[timer.DueMs / _tickMs % _slots.Length] = timer.Next;
        }

        if (timer.Next is not null)
        {
            timer.Next.Previous = timer.Previous;
        }

        timer.Previous = timer.Next = null;
        timer.Wheel = null;
        Count--;
    }

    public void Advance(long nowMs)
    {
        long target = nowMs / _tickMs;
        if (Count == 0)
        {
            _tick = target;
            return;
        }

        // After a long stall one revolution visits every slot; more would visit them again for nothing.
        if (target - _tick > _slots.Length)
        {
            _tick = target - _slots.Length;
        }

        while (_tick < target)
        {
            _tick++;
            FireSlot((int)(_tick % _slots.Length), _tick * _tickMs);
        }
    }

    /// <summary>Milliseconds until a slot that holds a timer comes up, or -1 for none.</summary>
    public int WaitMs(long nowMs)
    {
        if (Count == 0)
        {
            return -1;
        }

        for (int ahead = 1; ahead <= _slots.Length; ahead++)
        {
            if (_slots[(_tick + ahead) % _slots.Length] is not null)
            {
                return (int)Math.Clamp(((_tick + ahead) * _tickMs) - nowMs, 0, int.MaxValue);
            }
        }

        return -1;
    }

    private void FireSlot(int index, long dueMs)
    {
        // Restarted after each call: a handler may cancel or arm any timer, the next one in this list included.
        LoopTimer? timer = _slots[index];
        while (timer is not null)
        {
            if (timer.DueMs > dueMs)
            {
                timer = timer.Next;
                continue;
            }

            Remove(timer);
            timer.Handler.OnTimer(timer);
            timer = _slots[index];
        }
    }
}
