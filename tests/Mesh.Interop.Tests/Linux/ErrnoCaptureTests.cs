using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Interop.Tests.Linux;

/// <summary>
/// Goal: no call loses errno. An import declared without SetLastError leaves the error of some earlier call behind, which reads like
/// an answer. Method: one call leaves a known error behind, then each other call fails in another known way.
/// </summary>
public sealed class ErrnoCaptureTests : IDisposable
{
    // Above any limit, so no descriptor has it.
    private const int NoDescriptor = int.MaxValue;

    private static readonly IPEndPoint s_nowhere = new(IPAddress.Parse("192.0.2.1"), 0);

    private static readonly Dictionary<string, Func<SocketHandle, SysResult>> s_calls = new()
    {
        ["bind"] = static socket => Sockets.Bind(socket, s_nowhere),
        ["listen"] = static socket => Sockets.Listen(socket, 1),
        ["accept4"] = static socket => Sockets.TryAccept(socket, out _, out _),
        ["connect"] = static socket => Sockets.Connect(socket, s_nowhere),
        ["shutdown"] = static socket => Sockets.Shutdown(socket, SocketShutdown.Send),
        ["getsockname"] = static socket => Caught(() => Sockets.LocalEndPoint(socket)),
        ["getpeername"] = static socket => Sockets.TryGetRemoteEndPoint(socket, out _),
        ["getsockopt"] = static socket => SocketOptions.GetSendBufferBytes(socket, out _),
        ["getsockopt of the pending error"] = static socket => SysResult.Failure(Sockets.TakeError(socket)),
        ["setsockopt"] = static socket => SocketOptions.NoDelay(socket, on: true),
        ["recv"] = static socket => Sockets.Receive(socket, new byte[1]),
        ["send"] = static socket => Sockets.Send(socket, "x"u8),
        ["ioctl"] = static socket => Caught(() => Sockets.BytesReadable(socket)),
        ["splice from"] = static socket => WithPipe(pipe => Splice.FromSocket(socket, pipe, 1)),
        ["splice to"] = static socket => WithPipe(pipe => Splice.ToSocket(pipe, socket, 1)),
        ["epoll_ctl"] = static socket => WithEpoll(epoll => epoll.Add(socket, EpollEvents.In, 0)),
    };

    private readonly SocketHandle _noSocket = new(NoDescriptor, AddressFamily.InterNetwork);

    public static TheoryData<string> Calls => [.. s_calls.Keys];

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_call_reports_the_errno_of_its_own_failure(string call)
    {
        // Left behind by the call before.
        Assert.Equal(Errno.ENOENT, Assert.Throws<PosixException>(() => NetNamespace.OpenPath("/proc/none")).Error);

        Assert.Equal(Errno.EBADF, s_calls[call](_noSocket).Error);
    }

    [Fact]
    public void An_import_of_our_own_reports_the_errno_of_its_own_failure()
    {
        var moreThanAllowed = new Libc.rlimit64 { rlim_cur = 2, rlim_max = 1 };

        Assert.Equal(Errno.EINVAL, Assert.Throws<PosixException>(() => ResourceLimits.SetOpenFiles(moreThanAllowed)).Error);
    }

    public void Dispose() => _noSocket.Dispose();

    private static SysResult Caught(Func<object> call) => SysResult.Failure(Assert.Throws<PosixException>(call).Error);

    private static SysResult WithPipe(Func<PipePair, SysResult> call)
    {
        PipePair.TryOpen(4_096, out PipePair? pipe).OrThrow("pipe2");
        using (pipe)
        {
            return call(pipe!);
        }
    }

    private static SysResult WithEpoll(Func<EpollHandle, SysResult> call)
    {
        using EpollHandle epoll = EpollHandle.Create();
        return call(epoll);
    }
}
