using System.Diagnostics;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Channels;

namespace Mesh.Node.Transport.Relay;

/// <summary>The way of one direction past this process: from socket to pipe to socket. Holds a pipe only while it holds bytes.</summary>
/// <remarks>
/// Invariant: filled only when empty. A full pipe hides both an empty socket and the end of the stream behind the same EAGAIN; an empty
/// one tells them apart, so whatever <see cref="Fill"/> answers can be believed.
/// </remarks>
internal sealed class SpliceLane(TcpChannel source, TcpChannel target, PipeBudget? budget)
{
    private readonly PipePool _pool = source.Loop.Pipes;
    private PipePair? _pipe;
    private int _heldBytes;

    public bool IsEmpty => _heldBytes == 0;

    /// <summary>Whether filling can give anything: no pipe is asked for otherwise.</summary>
    public bool MayFill => source.MayRead;

    /// <summary>Makes sure that there is a pipe; false when none can be had now.</summary>
    public bool TryLease() => _pipe is not null || _pool.TryLease(budget, source.Loop.NowMs, out _pipe);

    /// <summary>Takes what has arrived, as <see cref="TcpChannel.SpliceInto"/> says. Leased and empty.</summary>
    public SysResult Fill(int bytesMax)
    {
        Debug.Assert(IsEmpty, "A lane is filled only when empty.");
        SysResult taken = source.SpliceInto(_pipe!, Math.Min(bytesMax, _pipe!.CapacityBytes));
        if (taken.Ok)
        {
            _heldBytes = taken.Count;
        }

        return taken;
    }

    /// <summary>Passes on what is held; what the target does not take stays.</summary>
    public SysResult Drain()
    {
        SysResult given = target.SpliceFrom(_pipe!, _heldBytes);
        if (given.Ok)
        {
            _heldBytes -= given.Count;
            _pool.SplicedBytes += given.Count;
        }

        return given;
    }

    /// <summary>Gives the pipe back unless it holds bytes.</summary>
    public void ReturnIfEmpty()
    {
        if (IsEmpty)
        {
            Return();
        }
    }

    /// <summary>Gives the pipe back; bytes inside are gone.</summary>
    public void Return()
    {
        if (_pipe is not null)
        {
            _pool.Return(_pipe, budget, IsEmpty);
            _pipe = null;
            _heldBytes = 0;
        }
    }
}
