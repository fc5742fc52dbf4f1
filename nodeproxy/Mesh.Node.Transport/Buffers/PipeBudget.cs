namespace Mesh.Node.Transport.Buffers;

/// <summary>
/// How many pipes the connections of one workload may hold at once, on whatever loops they are. Any thread; takes no lock.
/// </summary>
/// <remarks>A connection that gets none copies instead, so a workload whose readers stall slows itself and nobody else.</remarks>
public sealed class PipeBudget
{
    private readonly int _pipesMax;
    private int _held;

    /// <summary>A budget of its own.</summary>
    /// <param name="pipesMax">Pipes of <see cref="PipePool.PipeBytes"/>; 0 forbids splicing.</param>
    public PipeBudget(int pipesMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pipesMax);
        _pipesMax = pipesMax;
    }

    /// <summary>Pipes held now.</summary>
    public int HeldCount => Volatile.Read(ref _held);

    /// <summary>Takes a place; false when all are taken.</summary>
    internal bool TryTake()
    {
        int held = Volatile.Read(ref _held);
        while (held < _pipesMax)
        {
            int seen = Interlocked.CompareExchange(ref _held, held + 1, held);
            if (seen == held)
            {
                return true;
            }

            held = seen;
        }

        return false;
    }

    /// <summary>Gives a place back.</summary>
    internal void GiveBack() => Interlocked.Decrement(ref _held);
}
