using System.Diagnostics;
using Mesh.Interop.Linux;

namespace Mesh.Node.Transport.Buffers;

/// <summary>Pipes for splicing, lent while they hold bytes. One loop's; no locks. The counters may be read by any thread.</summary>
/// <remarks>
/// The kernel charges a user for the capacity of every open pipe (fs.pipe-user-pages-soft, 64 MiB for all pipes of an unprivileged user),
/// so few are kept and all connections of the loop share them. Where it refuses, nothing fails: whoever asked copies.
/// </remarks>
public sealed class PipePool
{
    /// <summary>Capacity asked for: a smaller pipe is no faster than a copy.</summary>
    public const int PipeBytes = 1024 * 1024;

    /// <summary>The least worth having, where fs.pipe-max-size forbids more.</summary>
    private const int PipeBytesMin = 256 * 1024;

    /// <summary>Empty pipes kept open; a loop needs one at a time, and one more for each target that is slow.</summary>
    private const int IdleMax = 8;

    /// <summary>How long the kernel is not asked again after it refused: asking costs four system calls.</summary>
    private const int RetryAfterMs = 1_000;

    private readonly int _pipesMax;
    private readonly Stack<PipePair> _idle = new(IdleMax);
    private long _retryAtMs;

    internal PipePool(int pipesMax) => _pipesMax = pipesMax;

    /// <summary>Pipes that hold bytes now.</summary>
    public int LeasedCount { get; private set; }

    /// <summary>Pipes open now, leased or kept.</summary>
    public int OpenCount { get; private set; }

    /// <summary>Times a relay copied because this loop or the workload had no pipe left.</summary>
    public long RefusedByBudgetCount { get; private set; }

    /// <summary>Times the kernel refused a pipe, its capacity or a splice: EMFILE, ENFILE, EPERM, ENOSYS.</summary>
    public long RefusedByKernelCount { get; private set; }

    /// <summary>Bytes delivered by splice, to set against all bytes delivered.</summary>
    public long SplicedBytes { get; internal set; }

    /// <summary>Lends an empty pipe; false when there is none to be had now.</summary>
    internal bool TryLease(PipeBudget? budget, long nowMs, out PipePair? pipe)
    {
        pipe = null;
        if (nowMs < _retryAtMs)
        {
            return false;
        }

        if (LeasedCount >= _pipesMax || budget?.TryTake() == false)
        {
            RefusedByBudgetCount++;
            return false;
        }

        if (!_idle.TryPop(out pipe) && !TryOpen(nowMs, out pipe))
        {
            budget?.GiveBack();
            return false;
        }

        LeasedCount++;
        return true;
    }

    /// <summary>Takes a pipe back.</summary>
    /// <param name="pipe">What <see cref="TryLease"/> lent.</param>
    /// <param name="budget">As given to it.</param>
    /// <param name="isEmpty">A pipe with bytes inside is closed: the next connection must not find them.</param>
    internal void Return(PipePair pipe, PipeBudget? budget, bool isEmpty)
    {
        Debug.Assert(LeasedCount > 0, "Only what was lent comes back.");
        LeasedCount--;
        budget?.GiveBack();
        if (isEmpty && _idle.Count < IdleMax)
        {
            _idle.Push(pipe);
        }
        else
        {
            pipe.Dispose();
            OpenCount--;
        }
    }

    /// <summary>Records that the kernel refused to splice at all, and lets nobody try for a while.</summary>
    internal void OnRefusedByKernel(long nowMs)
    {
        RefusedByKernelCount++;
        _retryAtMs = nowMs + RetryAfterMs;
    }

    /// <summary>Closes the pipes that are kept.</summary>
    internal void Close()
    {
        while (_idle.TryPop(out PipePair? pipe))
        {
            pipe.Dispose();
            OpenCount--;
        }
    }

    private bool TryOpen(long nowMs, out PipePair? pipe)
    {
        SysResult opened = PipePair.TryOpen(PipeBytes, out pipe);
        if (opened.Ok && pipe!.CapacityBytes >= PipeBytesMin)
        {
            OpenCount++;
            return true;
        }

        pipe?.Dispose();
        pipe = null;
        OnRefusedByKernel(nowMs);
        return false;
    }
}
