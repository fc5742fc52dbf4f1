namespace Mesh.Node.Transport.EventLoops;

/// <summary>
/// Which share of a loop is served next, so that each gets the same time while it has work, and what has little waits little.
/// </summary>
/// <remarks>
/// Deficit round robin with a line of its own for shares that had no work (the order of RFC 8290 §4.1.2 and §4.2, for time instead of
/// bytes). A newcomer goes first, until it has used its part or runs empty; from then on it stands in the other line, so nobody is
/// overtaken by it twice. What one piece of work takes beyond the part is owed. Reads no clock: it is told.
/// </remarks>
internal sealed class ShareOrder(long partTicks)
{
    /// <summary>
    /// How many parts a share may owe. Time is that of the clock: a pause of the machine or of the collector meets whoever runs just then,
    /// who did not use it.
    /// </summary>
    private const int OwedPartsMax = 8;

    private readonly Queue<LoopShare> _newcomers = new();
    private readonly Queue<LoopShare> _others = new();

    /// <summary>Whether no share has work.</summary>
    public bool IsEmpty => _newcomers.Count == 0 && _others.Count == 0;

    /// <summary>The share has got work. Harmless when it had some.</summary>
    public void Enter(LoopShare share)
    {
        if (!share.IsInLine)
        {
            share.IsInLine = true;
            share.CreditTicks = partTicks;
            _newcomers.Enqueue(share);
        }
    }

    /// <summary>A share has used time.</summary>
    public void Charge(LoopShare share, long usedTicks) =>
        share.CreditTicks = Math.Max(share.CreditTicks - usedTicks, -OwedPartsMax * partTicks);

    /// <summary>
    /// Whose turn it is: a share with work, which is to do one piece of it and to be charged. Null when there is no work.
    /// </summary>
    public LoopShare? Next()
    {
        while (true)
        {
            bool isNew = _newcomers.TryPeek(out LoopShare? share);
            if (!isNew && !_others.TryPeek(out share))
            {
                return null;
            }

            Queue<LoopShare> line = isNew ? _newcomers : _others;
            if (share!.CreditTicks <= 0)
            {
                share.CreditTicks += partTicks;
                _others.Enqueue(line.Dequeue());
            }
            else if (!share.IsEmpty)
            {
                return share;
            }
            else
            {
                line.Dequeue();
                share.IsInLine = isNew && _others.Count > 0;
                if (share.IsInLine)
                {
                    // It has had its start: if it came back at once as a newcomer, the others might never be served.
                    _others.Enqueue(share);
                }
            }
        }
    }
}
