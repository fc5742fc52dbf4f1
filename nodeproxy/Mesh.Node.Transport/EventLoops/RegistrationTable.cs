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

    public Registration Add(IReadyHandler handler)
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
        return new Registration(((ulong)slot.Generation << 32) | (uint)index);
    }

    public IReadyHandler? Find(ulong token)
    {
        ref Slot slot = ref _slots[(int)(uint)token];
        return slot.Generation == (uint)(token >> 32) ? slot.Handler : null;
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
        slot.Generation = (slot.Generation + 1) & 0x7FFF_FFFF; // Never the wake token's.
        slot.NextFree = _firstFree;
        _firstFree = index;
        return true;
    }

    private struct Slot
    {
        public IReadyHandler? Handler;
        public uint Generation;
        public int NextFree;
    }
}
