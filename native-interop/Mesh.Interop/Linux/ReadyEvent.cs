using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// One readiness report. It is the kernel's <c>epoll_event</c> itself (12 packed bytes on x64, 16 on arm64; sys/epoll.h), so a wait
/// fills a span of these without a copy.
/// </summary>
public readonly struct ReadyEvent
{
    // The package carries this type once per architecture; a layout of our own could not be right on both.
    private readonly epoll_event _native;

    /// <summary>A report, for tests of what consumes them.</summary>
    public ReadyEvent(EpollEvents events, ulong token)
    {
        _native.events = (int)events;
        _native.data.u64 = token;
    }

    /// <summary>What happened.</summary>
    public EpollEvents Events => (EpollEvents)_native.events;

    /// <summary>What the registration gave.</summary>
    public ulong Token => _native.data.u64;
}
