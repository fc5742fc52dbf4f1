using System.Diagnostics;

namespace Mesh.Node.Proxy.Telemetry;

/// <summary>The open connections of one loop, for whoever wants to look.</summary>
/// <remarks>
/// Written by: the loop that owns it, without locks; adding and removing cost a store each. Read by: any thread, which sees every
/// connection that was open throughout its walk and may or may not see those that opened or closed meanwhile.
/// </remarks>
public sealed class OpenConnections
{
    private const int InitialSlots = 64;

    // Replaced whole when it grows, so a reader walks one array that never moves under it.
    private ConnectionRecord?[] _slots = new ConnectionRecord?[InitialSlots];
    private int[] _freeSlots = new int[InitialSlots];
    private int _freeCount;
    private int _usedSlots;
    private int _count;

    /// <summary>How many are open. Read by any thread.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds a connection. Loop thread only.</summary>
    public void Add(ConnectionRecord record)
    {
        Debug.Assert(record.Slot < 0, "A connection is registered once.");
        int slot = _freeCount > 0 ? _freeSlots[--_freeCount] : TakeUnusedSlot();
        record.Slot = slot;
        Volatile.Write(ref _slots[slot], record);
        Volatile.Write(ref _count, _count + 1);
    }

    /// <summary>Removes a connection. Loop thread only.</summary>
    public void Remove(ConnectionRecord record)
    {
        Debug.Assert(record.Slot >= 0 && _slots[record.Slot] == record, "Only a registered connection is removed.");
        int slot = record.Slot;
        record.Slot = -1;
        Volatile.Write(ref _slots[slot], null);
        _freeSlots[_freeCount++] = slot;
        Volatile.Write(ref _count, _count - 1);
    }

    /// <summary>Walks the open connections. Any thread; the enumerator allocates nothing.</summary>
    public Enumerator GetEnumerator()
    {
        ConnectionRecord?[] slots = Volatile.Read(ref _slots);
        return new Enumerator(slots, 0, slots.Length);
    }

    /// <summary>A part of the walk.</summary>
    /// <param name="from">Where the last part ended; 0 to start.</param>
    /// <param name="slotsMax">How far to go.</param>
    /// <param name="next">Where to go on, or 0 when the walk is over.</param>
    public SlotRange Slice(int from, int slotsMax, out int next)
    {
        ConnectionRecord?[] slots = Volatile.Read(ref _slots);
        int end = Math.Min(from + slotsMax, slots.Length);
        next = end < slots.Length ? end : 0;
        return new SlotRange(slots, from, end);
    }

    private int TakeUnusedSlot()
    {
        if (_usedSlots == _slots.Length)
        {
            ConnectionRecord?[] grown = new ConnectionRecord?[_slots.Length * 2];
            _slots.CopyTo(grown, 0);
            Volatile.Write(ref _slots, grown);
            Array.Resize(ref _freeSlots, grown.Length);
        }

        return _usedSlots++;
    }

    /// <summary>Some of the slots of one moment.</summary>
    public readonly struct SlotRange
    {
        private readonly ConnectionRecord?[] _slots;
        private readonly int _from;
        private readonly int _end;

        internal SlotRange(ConnectionRecord?[] slots, int from, int end)
        {
            _slots = slots;
            _from = from;
            _end = end;
        }

        /// <summary>Walks the open connections among them.</summary>
        public Enumerator GetEnumerator() => new(_slots, _from, _end);
    }

    /// <summary>One walk over the slots of one moment.</summary>
    public struct Enumerator
    {
        private readonly ConnectionRecord?[] _slots;
        private readonly int _end;
        private int _next;

        internal Enumerator(ConnectionRecord?[] slots, int from, int end)
        {
            _slots = slots;
            _end = end;
            _next = from;
            Current = null!;
        }

        /// <summary>The connection the walk is at.</summary>
        public ConnectionRecord Current { get; private set; }

        /// <summary>Goes on to the next connection.</summary>
        public bool MoveNext()
        {
            while (_next < _end)
            {
                if (Volatile.Read(ref _slots[_next++]) is ConnectionRecord record)
                {
                    Current = record;
                    return true;
                }
            }

            return false;
        }
    }
}
