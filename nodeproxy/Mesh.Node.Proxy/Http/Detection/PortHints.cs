namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>Remembers of which ports the server speaks first, so that the silence of their clients is waited out once.</summary>
/// <remarks>
/// A hint and nothing else: with it nobody waits for the client, but what has come already is looked at all the same, and policy never
/// asks. Direct-mapped and of one size: where two ports meet in one place, the later one stays and the other is learnt again. All loops'
/// together; looking allocates nothing.
/// </remarks>
/// <param name="lifetimeMs">How long a hint holds; then the limit is waited out again. Milliseconds.</param>
internal sealed class PortHints(long lifetimeMs = PortHints.LifetimeMsDefault)
{
    /// <summary>Ten minutes: an application that is replaced by one that speaks otherwise is noticed soon enough.</summary>
    public const long LifetimeMsDefault = 600_000;

    private const int Slots = 1_024;

    private readonly Slot?[] _slots = new Slot?[Slots];

    /// <summary>Whether the server spoke first the last time, and not too long ago.</summary>
    /// <param name="key">The port.</param>
    /// <param name="nowMs">A loop's clock.</param>
    public bool IsServerFirst(in PortKey key, long nowMs) =>
        Volatile.Read(ref SlotOf(key)) is Slot slot && slot.Key == key && nowMs < slot.UntilMs;

    /// <summary>The client was silent, and the server spoke first.</summary>
    /// <param name="key">The port.</param>
    /// <param name="nowMs">A loop's clock.</param>
    public void ServerSpoke(in PortKey key, long nowMs) => Volatile.Write(ref SlotOf(key), new Slot(key, nowMs + lifetimeMs));

    /// <summary>The client spoke first, or the server did not, so the next client is waited for.</summary>
    /// <param name="key">The port.</param>
    public void ClientSpoke(in PortKey key)
    {
        // Another port's may come between: then that one is learnt again.
        ref Slot? slot = ref SlotOf(key);
        if (Volatile.Read(ref slot)?.Key == key)
        {
            Volatile.Write(ref slot, null);
        }
    }

    // Strings are hashed with a secret of the process, so that nobody can choose which ports meet.
    private ref Slot? SlotOf(in PortKey key) => ref _slots[key.GetHashCode() & (Slots - 1)];

    private sealed record Slot(PortKey Key, long UntilMs);
}
