namespace Mesh.Interop.Linux;

/// <summary>What to wait for, and what happened (epoll_ctl(2)). Names are ours, values the kernel's.</summary>
[Flags]
public enum EpollEvents : uint
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>There is something to read, or the end of the stream (EPOLLIN).</summary>
    In = 1,

    /// <summary>There is room to write (EPOLLOUT).</summary>
    Out = 4,

    /// <summary>An error is pending (EPOLLERR). Always reported.</summary>
    Err = 8,

    /// <summary>Both directions have ended (EPOLLHUP). Always reported.</summary>
    Hup = 0x10,

    /// <summary>The peer has finished sending, perhaps with bytes still to read (EPOLLRDHUP).</summary>
    RdHup = 0x2000,

    /// <summary>Of several epoll instances that wait for one descriptor, wake one (EPOLLEXCLUSIVE). Only in Add.</summary>
    Exclusive = 1u << 28,

    /// <summary>Report once, then stay silent until modified (EPOLLONESHOT).</summary>
    OneShot = 1u << 30,

    /// <summary>Report a change and not a state: after it, read or write until EAGAIN (EPOLLET).</summary>
    EdgeTriggered = 1u << 31,
}
