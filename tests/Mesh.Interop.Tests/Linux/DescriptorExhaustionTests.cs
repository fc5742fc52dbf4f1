using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Xunit;

namespace Mesh.Interop.Tests.Linux;

/// <summary>
/// Goal: running out of descriptors is answered and not thrown, and recovers. Method: the process's own limit is lowered for the
/// length of a test, so these run alone.
/// </summary>
[Collection(nameof(DescriptorExhaustionTests))]
[CollectionDefinition(nameof(DescriptorExhaustionTests), DisableParallelization = true)]
public sealed class DescriptorExhaustionTests
{
    private const int SpareDescriptors = 6;

    [Fact]
    public void Running_out_of_descriptors_is_a_result_and_ends_when_one_is_closed()
    {
        List<SocketHandle> opened = [];
        using var shortage = new Shortage();

        SysResult result = Exhaust(opened);

        Assert.Equal(Errno.EMFILE, result.Error);
        Assert.NotEmpty(opened);
        Assert.Equal(Errno.EMFILE, Assert.Throws<PosixException>(() => Sockets.OpenTcp(AddressFamily.InterNetwork)).Error);
        Assert.Equal(Errno.EMFILE, Assert.Throws<PosixException>(EpollHandle.Create).Error);
        Assert.Equal(Errno.EMFILE, PipePair.TryOpen(4_096, out PipePair? pipe).Error);
        Assert.Null(pipe);

        opened[0].Dispose();
        Assert.True(Sockets.TryOpenTcp(AddressFamily.InterNetwork, out SocketHandle? again).Ok);
        again!.Dispose();
        opened.ForEach(static socket => socket.Dispose());
    }

    [Fact]
    public void A_pipe_needs_two_descriptors_and_takes_none_when_there_is_one()
    {
        List<SocketHandle> opened = [];
        using var shortage = new Shortage();
        Exhaust(opened);

        opened[0].Dispose();
        Assert.Equal(Errno.EMFILE, PipePair.TryOpen(4_096, out _).Error);
        Assert.True(Sockets.TryOpenTcp(AddressFamily.InterNetwork, out SocketHandle? again).Ok);

        again!.Dispose();
        opened.ForEach(static socket => socket.Dispose());
    }

    [Fact]
    public void A_connection_that_could_not_be_accepted_waits_until_there_is_a_descriptor()
    {
        List<SocketHandle> opened = [];
        using SocketHandle listener = TcpPair.Listen(IPAddress.Loopback);
        using SocketHandle client = Sockets.OpenTcp(AddressFamily.InterNetwork);
        SysResult started = Sockets.Connect(client, Sockets.LocalEndPoint(listener));
        Assert.True(started.Ok || started.InProgress, started.ToString());
        TcpPair.WaitFor(listener, EpollEvents.In);
        using var shortage = new Shortage();
        Exhaust(opened);

        Assert.Equal(Errno.EMFILE, Sockets.TryAccept(listener, out SocketHandle? accepted, out _).Error);
        Assert.Null(accepted);
        opened[0].Dispose();
        Assert.True(Sockets.TryAccept(listener, out accepted, out IPEndPoint? peer).Ok);

        Assert.Equal(Sockets.LocalEndPoint(client), peer);
        accepted!.Dispose();
        opened.ForEach(static socket => socket.Dispose());
    }

    [Fact]
    public void A_message_whose_descriptor_found_no_number_is_an_error_and_not_a_message_without_one()
    {
        List<SocketHandle> opened = [];
        using var pair = SeqPacketPair.Open();
        using var passed = new EventCounter();
        pair.Client.Send("with"u8, passed.Handle, TimeSpan.Zero).OrThrow("send");
        pair.Client.Send("next"u8, null, TimeSpan.Zero).OrThrow("send");
        byte[] buffer = new byte[16];
        SysResult lost;
        using (new Shortage())
        {
            Exhaust(opened);
            lost = pair.Server.Receive(buffer, out Microsoft.Win32.SafeHandles.SafeFileHandle? descriptor, TimeSpan.Zero);
            Assert.Null(descriptor);
            opened.ForEach(static socket => socket.Dispose());
        }

        Assert.Equal(Errno.EBADMSG, lost.Error);
        Assert.Equal(4, pair.Server.Receive(buffer, out _, TimeSpan.Zero).Count);
    }

    private static SysResult Exhaust(List<SocketHandle> opened)
    {
        SysResult result;
        while ((result = Sockets.TryOpenTcp(AddressFamily.InterNetwork, out SocketHandle? socket)).Ok)
        {
            opened.Add(socket!);
        }

        return result;
    }

    /// <summary>Leaves the process a few free descriptor numbers until disposed.</summary>
    private sealed class Shortage : IDisposable
    {
        private readonly Libc.rlimit64 _original = ResourceLimits.ReadOpenFiles();

        public Shortage()
        {
            // What a finalizer closes later would be a descriptor too many.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            int[] taken = [.. Directory.GetFiles("/proc/self/fd").Select(
                static path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture)).Order()];
            int limit = 0;
            for (int free = 0; free < SpareDescriptors; limit++)
            {
                free += Array.BinarySearch(taken, limit) < 0 ? 1 : 0;
            }

            ResourceLimits.SetOpenFiles(_original with { rlim_cur = (ulong)limit });
        }

        public void Dispose() => ResourceLimits.SetOpenFiles(_original);
    }
}
