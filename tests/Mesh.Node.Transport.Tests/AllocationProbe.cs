using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Tests;

/// <summary>Reads how much a loop's thread has allocated, and allocates nothing there itself.</summary>
internal sealed class AllocationProbe(EventLoop loop) : LoopWork, IDisposable
{
    private readonly ManualResetEventSlim _read = new();
    private long _allocatedBytes;

    /// <summary>Managed bytes allocated by the loop's thread so far, when everything posted before has run.</summary>
    public long Read()
    {
        _read.Reset();
        loop.Post(this);
        if (!_read.Wait(SocketIo.Patience))
        {
            throw new TimeoutException("The loop does not turn.");
        }

        return _allocatedBytes;
    }

    public override void Run()
    {
        _allocatedBytes = GC.GetAllocatedBytesForCurrentThread();
        _read.Set();
    }

    public void Dispose() => _read.Dispose();
}
