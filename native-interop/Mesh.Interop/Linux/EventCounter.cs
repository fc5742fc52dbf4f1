using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// Wakes a thread that waits in <see cref="EpollHandle.Wait"/> (eventfd(2)). Any thread signals; the waiting thread drains.
/// </summary>
public sealed unsafe class EventCounter : IDisposable
{
    private readonly FileDescriptorHandle _descriptor =
        new(SysResult.From(LibC.eventfd(0, LibC.EFD_NONBLOCK | LibC.EFD_CLOEXEC)).OrThrow("eventfd"));

    /// <summary>What to register for <see cref="EpollEvents.In"/>.</summary>
    public SafeHandle Handle => _descriptor;

    /// <summary>Makes the descriptor readable until drained. Signals may merge; none is lost.</summary>
    /// <exception cref="ObjectDisposedException">The counter is closed.</exception>
    public void Signal()
    {
        ulong one = 1;
        using FdLease lease = new(_descriptor);
        SysResult written = SysResult.From((nint)(long)LibC.write(lease.Number, &one, sizeof(ulong)));

        // EAGAIN: the counter is at its maximum, so the descriptor is readable, which is all a signal asks for.
        if (!written.Ok && !written.WouldBlock)
        {
            throw new PosixException(written.Error, "write to an eventfd");
        }
    }

    /// <summary>Makes the descriptor unreadable until the next signal. Drain before looking for the work that was signalled.</summary>
    /// <exception cref="ObjectDisposedException">The counter is closed.</exception>
    public void Drain()
    {
        ulong count;
        using FdLease lease = new(_descriptor);
        SysResult read = SysResult.From((nint)(long)LibC.read(lease.Number, &count, sizeof(ulong)));
        if (!read.Ok && !read.WouldBlock)
        {
            throw new PosixException(read.Error, "read of an eventfd");
        }
    }

    /// <summary>Closes the descriptor.</summary>
    public void Dispose() => _descriptor.Dispose();
}
