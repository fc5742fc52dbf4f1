using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// Calls, structures and constants that Tmds.LibC lacks, each declared once and under its native name. Imports capture errno.
/// </summary>
internal static unsafe partial class Libc
{
    /// <summary>Bytes of the send queue; linux/sockios.h. The same on x64 and arm64.</summary>
    internal const int SIOCOUTQ = 0x5411;

    /// <summary>
    /// The destination before a NAT REDIRECT; linux/netfilter_ipv4.h and, with the same number, netfilter_ipv6/ip6_tables.h.
    /// </summary>
    internal const int SO_ORIGINAL_DST = 80;

    /// <summary>Where a datagram was going before TPROXY: the option, and the control message it brings; linux/in.h.</summary>
    internal const int IP_ORIGDSTADDR = 20;

    /// <inheritdoc cref="IP_ORIGDSTADDR"/>
    internal const int IPV6_ORIGDSTADDR = 74;

    /// <summary>Which kind of namespace a descriptor is; linux/nsfs.h, _IO(0xb7, 3).</summary>
    internal const int NS_GET_NSTYPE = 0xb703;

    /// <summary>The most descriptors one message carries; the kernel's include/net/scm.h.</summary>
    internal const int SCM_MAX_FD = 253;

    /// <summary>Close-on-exec and non-blocking; linux/timerfd.h, where they are O_CLOEXEC and O_NONBLOCK of both ABIs.</summary>
    internal const int TFD_CLOEXEC = 0x80000;

    /// <inheritdoc cref="TFD_CLOEXEC"/>
    internal const int TFD_NONBLOCK = 0x800;

    /// <summary>The clock that only goes forward; linux/time.h.</summary>
    internal const int CLOCK_MONOTONIC = 1;

    /// <summary>The limit on open descriptors; asm-generic/resource.h.</summary>
    internal const int RLIMIT_NOFILE = 7;

    /// <summary>The capability sets as two words each; linux/capability.h.</summary>
    internal const uint LINUX_CAPABILITY_VERSION_3 = 0x20080522;

    // The name Tmds.LibC uses too: "libc" alone may find the linker script of a development package.
    private const string LibraryName = "libc.so.6";

    /// <summary>Waits for readiness of a few descriptors. Tmds.LibC declares it without errno.</summary>
    [LibraryImport(LibraryName, SetLastError = true)]
    internal static partial int poll(pollfd* descriptors, nuint count, int timeoutMs);

    [LibraryImport(LibraryName, SetLastError = true)]
    internal static partial int timerfd_create(int clock, int flags);

    [LibraryImport(LibraryName, SetLastError = true)]
    internal static partial int timerfd_settime(int descriptor, int flags, kernel_itimerspec* value, kernel_itimerspec* old);

    [LibraryImport(LibraryName, SetLastError = true)]
    internal static partial int getrlimit(int resource, rlimit64* limit);

    [LibraryImport(LibraryName, SetLastError = true)]
    internal static partial int setrlimit(int resource, rlimit64* limit);

    [LibraryImport(LibraryName, SetLastError = true)]
    internal static partial int capget(cap_user_header* header, cap_user_data* data);

    /// <summary>struct __kernel_itimerspec, linux/time_types.h, as the two timespecs it is made of.</summary>
    internal struct kernel_itimerspec
    {
        internal long interval_sec;
        internal long interval_nsec;
        internal long value_sec;
        internal long value_nsec;
    }

    /// <summary>struct rlimit64, linux/resource.h: what rlimit is on 64-bit systems.</summary>
    internal struct rlimit64
    {
        internal ulong rlim_cur;
        internal ulong rlim_max;
    }

    /// <summary>struct __user_cap_header_struct, linux/capability.h.</summary>
    internal struct cap_user_header
    {
        internal uint version;
        internal int pid;
    }

    /// <summary>struct __user_cap_data_struct, linux/capability.h; version 3 has two, the low 32 capabilities first.</summary>
    internal struct cap_user_data
    {
        internal uint effective;
        internal uint permitted;
        internal uint inheritable;
    }
}
