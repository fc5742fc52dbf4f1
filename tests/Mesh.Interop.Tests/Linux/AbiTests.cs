using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mesh.Interop.Linux;
using Tmds.Linux;
using Xunit;

namespace Mesh.Interop.Tests.Linux;

/// <summary>
/// Goal: the structures we hand to the kernel are laid out as its headers say. Method: sizes as compiled from the header named, for
/// both architectures; offsets by writing a field and looking for it in the bytes.
/// </summary>
public sealed class AbiTests
{
    private static readonly bool s_isX64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;

    public static TheoryData<string, int, int, int> Sizes => new()
    {
        // Structure, bytes here, bytes on x64, bytes on arm64.
        { "struct epoll_event, sys/epoll.h", Unsafe.SizeOf<ReadyEvent>(), 12, 16 },
        { "struct epoll_event, sys/epoll.h (Tmds.LibC)", Unsafe.SizeOf<epoll_event>(), 12, 16 },
        { "struct msghdr, sys/socket.h", Unsafe.SizeOf<msghdr>(), 56, 56 },
        { "struct cmsghdr, sys/socket.h", Unsafe.SizeOf<cmsghdr>(), 16, 16 },
        { "struct iovec, sys/uio.h", Unsafe.SizeOf<iovec>(), 16, 16 },
        { "struct pollfd, poll.h", Unsafe.SizeOf<pollfd>(), 8, 8 },
        { "struct linger, sys/socket.h", Unsafe.SizeOf<linger>(), 8, 8 },
        { "struct ucred, sys/socket.h", Unsafe.SizeOf<ucred>(), 12, 12 },
        { "struct sockaddr_un, sys/un.h", Unsafe.SizeOf<sockaddr_un>(), 110, 110 },
        { "struct statx, linux/stat.h", Unsafe.SizeOf<statx>(), 256, 256 },
        { "struct rlimit64, linux/resource.h", Unsafe.SizeOf<Libc.rlimit64>(), 16, 16 },
        { "struct __kernel_itimerspec, linux/time_types.h", Unsafe.SizeOf<Libc.kernel_itimerspec>(), 32, 32 },
        { "struct __user_cap_header_struct, linux/capability.h", Unsafe.SizeOf<Libc.cap_user_header>(), 8, 8 },
        { "struct __user_cap_data_struct, linux/capability.h", Unsafe.SizeOf<Libc.cap_user_data>(), 12, 12 },
        { "size_t, stddef.h", Unsafe.SizeOf<size_t>(), 8, 8 },
        { "socklen_t, sys/socket.h", Unsafe.SizeOf<socklen_t>(), 4, 4 },
        { "a result in a register", Unsafe.SizeOf<SysResult>(), 8, 8 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_structure_has_the_size_of_its_header(string structure, int bytes, int x64Bytes, int arm64Bytes) =>
        Assert.True(bytes == (s_isX64 ? x64Bytes : arm64Bytes), $"{structure}: {bytes} bytes.");

    [Fact]
    public void An_epoll_event_is_packed_on_x64_alone()
    {
        var written = new ReadyEvent((EpollEvents)0x11223344, 0x55667788_99aabbcc);

        Assert.Equal(0, OffsetOf(written, 0x11223344));
        Assert.Equal(s_isX64 ? 4 : 8, OffsetOf(written, 0x55667788_99aabbcc));
        Assert.Equal((EpollEvents)0x11223344, written.Events);
        Assert.Equal(0x55667788_99aabbccUL, written.Token);
    }

    [Fact]
    public void A_timer_s_interval_stands_before_its_first_expiration()
    {
        Assert.Equal(8, OffsetOf(new Libc.kernel_itimerspec { interval_nsec = 0x11223344_55667788 }, 0x11223344_55667788));
        Assert.Equal(16, OffsetOf(new Libc.kernel_itimerspec { value_sec = 0x11223344_55667788 }, 0x11223344_55667788));
    }

    /// <summary>Pointers fill the bytes left at 0, 16 and 32; messages with descriptors show that each is where it should be.</summary>
    [Fact]
    public void A_message_header_has_its_fields_where_the_kernel_reads_them()
    {
        Assert.Equal(8, OffsetOf(new msghdr { msg_namelen = (socklen_t)0x11223344 }, 0x11223344));
        Assert.Equal(24, OffsetOf(new msghdr { msg_iovlen = 0x11223344 }, 0x11223344L));
        Assert.Equal(40, OffsetOf(new msghdr { msg_controllen = (socklen_t)0x11223344 }, 0x11223344L));
        Assert.Equal(48, OffsetOf(new msghdr { msg_flags = 0x11223344 }, 0x11223344));
    }

    [Fact]
    public void A_control_header_has_its_fields_where_the_kernel_reads_them()
    {
        Assert.Equal(0, OffsetOf(new cmsghdr { cmsg_len = (socklen_t)0x11223344 }, 0x11223344L));
        Assert.Equal(8, OffsetOf(new cmsghdr { cmsg_level = 0x11223344 }, 0x11223344));
        Assert.Equal(12, OffsetOf(new cmsghdr { cmsg_type = 0x11223344 }, 0x11223344));
    }

    [Fact]
    public void Small_structures_have_their_fields_where_the_kernel_reads_them()
    {
        Assert.Equal(8, OffsetOf(new iovec { iov_len = (size_t)0x11223344 }, 0x11223344L));
        Assert.Equal(0, OffsetOf(new pollfd { fd = 0x11223344 }, 0x11223344));
        Assert.Equal(4, OffsetOf(new pollfd { events = 0x1122 }, (short)0x1122));
        Assert.Equal(0, OffsetOf(new linger { l_onoff = 0x11223344 }, 0x11223344));
        Assert.Equal(4, OffsetOf(new linger { l_linger = 0x11223344 }, 0x11223344));
        Assert.Equal(8, OffsetOf(new Libc.rlimit64 { rlim_max = 0x1122334455667788 }, 0x1122334455667788L));
        Assert.Equal(4, OffsetOf(new Libc.cap_user_header { pid = 0x11223344 }, 0x11223344));
        Assert.Equal(0, OffsetOf(new Libc.cap_user_data { effective = 0x11223344 }, 0x11223344));
        Assert.Equal(8, OffsetOf(new Libc.cap_user_data { inheritable = 0x11223344 }, 0x11223344));
    }

    [Fact]
    public void A_statx_has_the_inode_and_the_device_where_the_kernel_writes_them()
    {
        Assert.Equal(28, OffsetOf(new statx { stx_mode = 0x1122 }, (ushort)0x1122));
        Assert.Equal(32, OffsetOf(new statx { stx_ino = 0x1122334455667788 }, 0x1122334455667788L));
        Assert.Equal(136, OffsetOf(new statx { stx_dev_major = 0x11223344 }, 0x11223344));
        Assert.Equal(140, OffsetOf(new statx { stx_dev_minor = 0x11223344 }, 0x11223344));
    }

    /// <summary>Where a value stands in a structure of which nothing else is set; -1 when it is nowhere.</summary>
    private static int OffsetOf<TStructure, TValue>(TStructure structure, TValue value)
        where TStructure : unmanaged
        where TValue : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<TStructure>(in structure));
        ReadOnlySpan<byte> sought = MemoryMarshal.AsBytes(new ReadOnlySpan<TValue>(in value));
        for (int offset = 0; offset + sought.Length <= bytes.Length; offset++)
        {
            if (bytes.Slice(offset, sought.Length).SequenceEqual(sought))
            {
                return offset;
            }
        }

        return -1;
    }
}
