using Mesh.Interop.Linux;

namespace Mesh.Node.Transport.EventLoops;

/// <summary>Identifies one watched descriptor for as long as it is watched.</summary>
/// <param name="Token">Slot in the low half, generation in the high half; what epoll hands back.</param>
public readonly record struct Registration(ulong Token);

/// <summary>Maps epoll tokens to handlers without a dictionary and without trusting a token that outlived its descriptor.</summary>
internal sealed class RegistrationTable
{
    /// <summary>The loop's own wake-up descriptor; no slot ever gets it.</summary>
    public const ulong WakeToken = ulong.MaxValue;

    private Slot[] _slots = new Slot[64];
    private int _used;
    private int _firstFree = -1;

    public Registration Add(IReadyHandler handler, LoopShare share)
    {
        int index = _firstFree;
        if (index >= 0)
        {
            _firstFree = _slots[index].NextFree;
        }
        else
        {
            if (_used == _slots.Length)
            {
                Array.Resize(ref _slots, _slots.Length * 2);
            }

            index = _used++;
        }

        ref Slot slot = ref _slots[index];
        slot.Handler = handler;
        slot.Share = share;
        return new Registration(((ulong)slot.Generation << 32) | (uint)index);
    }

    /// <summary>Adds to what the handler is to be told.</summary>
    /// <returns>Where the token is to stand in line for it; null when it stands there already, or nobody is to be told any more.</returns>
    public LoopShare? Note(ulong token, EpollEvents events)
    {
        ref Slot slot = ref _slots[(int)(uint)token];
        if (slot.Generation != (uint)(token >> 32) || slot.Handler is null)
        {
            return null;
        }

        bool isInLine = slot.Noted != EpollEvents.None;
        slot.Noted |= events;
        return isInLine ? null : slot.Share;
    }

    /// <summary>Whom to tell, and what was noted since it was told last; null when the registration is gone.</summary>
    public IReadyHandler? Take(ulong token, out EpollEvents events)
    {
        ref Slot slot = ref _slots[(int)(uint)token];
        if (slot.Generation != (uint)(token >> 32))
        {
            events = EpollEvents.None;
            return null;
        }

        events = slot.Noted;
        slot.Noted = EpollEvents.None;
        return slot.Handler;
    }

    /// <summary>Frees the slot; false when the registration is already gone.</summary>
    public bool Remove(Registration registration)
    {
        int index = (int)(uint)registration.Token;
        ref Slot slot = ref _slots[index];
        if (slot.Generation != (uint)(registration.Token >> 32) || slot.Handler is null)
        {
            return false;
        }

        slot.Handler = null;
        slot.Share = null;
        slot.Noted = EpollEvents.None;
        slot.Generation = (slot.Generation + 1) & 0x7FFF_FFFF; // Never the wake token's.
        slot.NextFree = _firstFree;
        _firstFree = index;
        return true;
    }

    private struct Slot
    {
        public IReadyHandler? Handler;
        public LoopShare? Share;
        public EpollEvents Noted;
        public uint Generation;
        public int NextFree;
    }
}
