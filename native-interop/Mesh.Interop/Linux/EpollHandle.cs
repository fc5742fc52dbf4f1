using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// An epoll instance (epoll(7)). One thread waits; any thread may register. Closing it ends every registration made on it; closing
/// a registered descriptor ends its registration, provided that no duplicate of it is open elsewhere.
/// </summary>
public sealed unsafe class EpollHandle : DescriptorHandle
{
    private EpollHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>A new instance, close-on-exec.</summary>
    /// <exception cref="PosixException">EMFILE or ENFILE when descriptors run out; ENOMEM.</exception>
    public static EpollHandle Create() => new(SysResult.From(LibC.epoll_create1(LibC.EPOLL_CLOEXEC)).OrThrow("epoll_create1"));

    /// <summary>Begins to report a descriptor's readiness.</summary>
    /// <param name="descriptor">A socket, an eventfd, an end of a pipe or another epoll instance.</param>
    /// <param name="events">What to report; errors and hang-ups always are.</param>
    /// <param name="token">Comes back in <see cref="ReadyEvent.Token"/>.</param>
    /// <returns>EEXIST when it is registered already; ENOSPC over fs.epoll.max_user_watches; EPERM when it cannot be polled.</returns>
    public SysResult Add(SafeHandle descriptor, EpollEvents events, ulong token) => Control(LibC.EPOLL_CTL_ADD, descriptor, events, token);

    /// <summary>Changes what is reported, and arms an edge or a one-shot anew.</summary>
    /// <param name="descriptor">As given to <see cref="Add"/>.</param>
    /// <param name="events">Replaces the earlier set.</param>
    /// <param name="token">Replaces the earlier token.</param>
    /// <returns>ENOENT when it is not registered.</returns>
    public SysResult Modify(SafeHandle descriptor, EpollEvents events, ulong token) =>
        Control(LibC.EPOLL_CTL_MOD, descriptor, events, token);

    /// <summary>Ends the reports. Those already taken by a wait may still be in its span.</summary>
    /// <param name="descriptor">As given to <see cref="Add"/>.</param>
    /// <returns>ENOENT when it is not registered.</returns>
    public SysResult Remove(SafeHandle descriptor) => Control(LibC.EPOLL_CTL_DEL, descriptor, EpollEvents.None, token: 0);

    /// <summary>Waits until something is ready, the time is over or a signal came (epoll_wait(2)).</summary>
    /// <param name="events">Where to put the reports; its length limits how many come at once.</param>
    /// <param name="timeoutMs">Milliseconds; 0 looks without waiting, -1 waits without limit.</param>
    /// <returns>How many reports there are. 0 after the time, and after a signal: look at the clock, not at this.</returns>
    /// <exception cref="ArgumentException"><paramref name="events"/> is empty.</exception>
    /// <exception cref="ObjectDisposedException">The instance is closed. A wait that has begun keeps it open.</exception>
    public int Wait(Span<ReadyEvent> events, int timeoutMs)
    {
        if (events.IsEmpty)
        {
            throw new ArgumentException("A wait needs room for one report.", nameof(events));
        }

        using FdLease lease = new(this);
        fixed (ReadyEvent* start = events)
        {
            SysResult ready = SysResult.From(LibC.epoll_wait(lease.Number, (epoll_event*)start, events.Length, timeoutMs));
            return ready.Error == Errno.EINTR ? 0 : ready.OrThrow("epoll_wait");
        }
    }

    private SysResult Control(int operation, SafeHandle descriptor, EpollEvents events, ulong token)
    {
        ReadyEvent native = new(events, token);
        using FdLease self = new(this);
        using FdLease target = new(descriptor);
        return SysResult.From(LibC.epoll_ctl(self.Number, operation, target.Number, (epoll_event*)&native));
    }
}
