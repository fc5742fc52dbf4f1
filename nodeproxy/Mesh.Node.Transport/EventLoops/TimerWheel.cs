using System.Numerics;

namespace Mesh.Node.Transport.EventLoops;

/// <summary>A ring of slots, each a list of timers due in some revolution of that slot.</summary>
/// <remarks>
/// Adding and removing are O(1), firing walks the slots that fell due. A bit for each occupied slot makes the question of every turn,
/// how long to wait, a matter of a few words.
/// </remarks>
internal sealed class TimerWheel
{
    private readonly LoopTimer?[] _slots;
    private readonly ulong[] _occupied;
    private readonly int _tickMs;
    private long _tick;

    // The timer that is looked at after the one that fires; moved on when that one is removed meanwhile.
    private LoopTimer? _cursor;

    /// <param name="tickMs">Width of a slot.</param>
    /// <param name="slotCount">A multiple of 64.</param>
    /// <param name="nowMs">The loop's time.</param>
    public TimerWheel(int tickMs, int slotCount, long nowMs)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(slotCount % 64, 0);
        _tickMs = tickMs;
        _slots = new LoopTimer?[slotCount];
        _occupied = new ulong[slotCount / 64];
        _tick = nowMs / tickMs;
    }

    public int Count { get; private set; }

    public void Add(LoopTimer timer)
    {
        // Rounded up, and never into the slot being walked: a timer is never early.
        long dueTick = Math.Max((timer.DueMs + _tickMs - 1) / _tickMs, _tick + 1);
        timer.Wheel = this;
        timer.DueMs = dueTick * _tickMs;
        int index = (int)(dueTick % _slots.Length);
        LoopTimer? head = _slots[index];
        timer.Next = head;
        timer.Previous = null;
        if (head is not null)
        {
            head.Previous = timer;
        }

        _slots[index] = timer;
        _occupied[index / 64] |= 1UL << (index % 64);
        Count++;
    }

    public void Remove(LoopTimer timer)
    {
        if (timer == _cursor)
        {
            _cursor = timer.Next;
        }

        if (timer.Previous is not null)
        {
            timer.Previous.Next = timer.Next;
        }
        else
        {
            int index = (int)(timer.DueMs / _tickMs % _slots.Length);
            _slots[index] = timer.Next;
            if (timer.Next is null)
            {
                _occupied[index / 64] &= ~(1UL << (index % 64));
            }
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

        int next = (int)((_tick + 1) % _slots.Length);
        return (int)Math.Clamp(((_tick + 1 + SlotsUntilOccupied(next)) * _tickMs) - nowMs, 0, int.MaxValue);
    }

    /// <summary>
    /// How many slots come before the first occupied one, counted from <paramref name="start"/> and around; there is one.
    /// </summary>
    private int SlotsUntilOccupied(int start)
    {
        int word = start / 64;
        ulong bits = _occupied[word] >> (start % 64);
        if (bits != 0)
        {
            return BitOperations.TrailingZeroCount(bits);
        }

        int passed = 64 - (start % 64);
        while (true)
        {
            word = (word + 1) % _occupied.Length;
            if (_occupied[word] != 0)
            {
                return passed + BitOperations.TrailingZeroCount(_occupied[word]);
            }

            passed += 64;
        }
    }

    private void FireSlot(int index, long dueMs)
    {
        // A handler may cancel or arm any timer, the next one in this list included: removing moves the cursor, and what is added goes to
        // the head, behind it.
        _cursor = _slots[index];
        while (_cursor is LoopTimer timer)
        {
            _cursor = timer.Next;
            if (timer.DueMs <= dueMs)
            {
                Remove(timer);
                timer.Handler.OnTimer(timer);
            }
        }
    }
}
