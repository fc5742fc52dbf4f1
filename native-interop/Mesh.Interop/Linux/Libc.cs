namespace Mesh.Interop.Linux;

/// <summary>Calls and constants that Tmds.LibC lacks, each declared once and under its native name. Imports capture errno.</summary>
internal static partial class Libc
{
    /// <summary>Bytes of the send queue; linux/sockios.h. The same on x64 and arm64.</summary>
    internal const int SIOCOUTQ = 0x5411;

    /// <summary>The destination before a NAT REDIRECT; linux/netfilter_ipv4.h and, with the same number, netfilter_ipv6/ip6_tables.h.</summary>
    internal const int SO_ORIGINAL_DST = 80;

    /// <summary>Which kind of namespace a descriptor is; linux/nsfs.h, _IO(0xb7, 3).</summary>
    internal const int NS_GET_NSTYPE = 0xb703;
}
