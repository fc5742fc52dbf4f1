namespace Mesh.Interop.Linux;

/// <summary>
/// What the calling thread may do now: its effective capabilities (capabilities(7)). They hold in its own user namespace, so a test
/// under <c>unshare -Ur</c> has them for the namespaces it made, and none for the machine's.
/// </summary>
public static unsafe class Capabilities
{
    private const int CAP_NET_ADMIN = 12;
    private const int CAP_NET_RAW = 13;
    private const int CAP_SYS_ADMIN = 21;

    /// <summary>CAP_NET_ADMIN: marks, transparent sockets, rules and routes.</summary>
    /// <exception cref="PosixException">The kernel does not answer (capget(2)).</exception>
    public static bool HasNetAdmin => IsEffective(CAP_NET_ADMIN);

    /// <summary>CAP_NET_RAW: raw and transparent sockets.</summary>
    /// <exception cref="PosixException">The kernel does not answer (capget(2)).</exception>
    public static bool HasNetRaw => IsEffective(CAP_NET_RAW);

    /// <summary>CAP_SYS_ADMIN: entering and making namespaces.</summary>
    /// <exception cref="PosixException">The kernel does not answer (capget(2)).</exception>
    public static bool HasSysAdmin => IsEffective(CAP_SYS_ADMIN);

    private static bool IsEffective(int capability)
    {
        Libc.cap_user_header header = new() { version = Libc.LINUX_CAPABILITY_VERSION_3, pid = 0 };
        Libc.cap_user_data* sets = stackalloc Libc.cap_user_data[2];
        SysResult.From(Libc.capget(&header, sets)).OrThrow("capget");
        return ((sets[capability >> 5].effective >> (capability & 31)) & 1) != 0;
    }
}
