namespace Mesh.Node.Transport.Buffers;

/// <summary>
/// Counts towards a budget what is held elsewhere, a pipe say, in whole blocks. Nothing is counted while nothing is held, so a side that
/// keeps up costs nothing.
/// </summary>
/// <remarks>A mutable struct: keep it in a field that is not readonly. One loop's.</remarks>
public struct CountedBytes(BufferBudget? budget)
{
    private int _blocks;

    /// <summary>Whether anything is counted.</summary>
    public readonly bool IsEmpty => _blocks == 0;

    /// <summary>
    /// So many bytes are held from now on; false when the budget has no room for all of them, and then only some may be counted. Holding
    /// fewer than before always succeeds.
    /// </summary>
    public bool TryHold(long bytes)
    {
        long blocks = (bytes + BufferPool.BlockBytes - 1) / BufferPool.BlockBytes;
        while (_blocks > blocks)
        {
            budget?.GiveBackBlock();
            _blocks--;
        }

        while (_blocks < blocks)
        {
            if (budget?.TryTakeBlock() == false)
            {
                return false;
            }

            _blocks++;
        }

        return true;
    }
}
