using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Mesh.Interop.Linux;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Xunit;

namespace Mesh.Interop.Tests.Linux;

public sealed class SeqPacketSocketTests
{
    private static readonly TimeSpan s_waitMax = TimeSpan.FromSeconds(60);

    [Fact]
    public void Messages_keep_their_bounds_and_order_both_ways()
    {
        using var pair = SeqPacketPair.Open();
        byte[] buffer = new byte[64];

        pair.Client.Send("one"u8, null, s_waitMax).OrThrow("send");
        pair.Client.Send("three"u8, null, s_waitMax).OrThrow("send");
        pair.Server.Send("answer"u8, null, s_waitMax).OrThrow("send");

        Assert.Equal(3, pair.Server.Receive(buffer, out SafeFileHandle? none, s_waitMax).Count);
        Assert.Null(none);
        Assert.Equal("one"u8, buffer.AsSpan(0, 3));
        Assert.Equal(5, pair.Server.Receive(buffer, out _, s_waitMax).Count);
        Assert.Equal("three"u8, buffer.AsSpan(0, 5));
        Assert.Equal(6, pair.Client.Receive(buffer, out _, s_waitMax).Count);
        Assert.Equal("answer"u8, buffer.AsSpan(0, 6));
    }

    [Fact]
    public void A_descriptor_arrives_with_its_message_open_and_close_on_exec()
    {
        using var pair = SeqPacketPair.Open();
        using var counter = new EventCounter();
        using EpollHandle epoll = EpollHandle.Create();

        pair.Client.Send("take"u8, counter.Handle, s_waitMax).OrThrow("send");
        Assert.Equal(4, pair.Server.Receive(new byte[16], out SafeFileHandle? received, s_waitMax).Count);

        using (received)
        {
            using FdLease lease = new(received!);
            const int CloseOnExec = 0x80000;
            Assert.Equal(CloseOnExec, CloseOnExec & Convert.ToInt32(DescriptorFact(lease.Number, "flags"), fromBase: 8));

            // The same eventfd under another number: a signal of ours is readable there.
            epoll.Add(received!, EpollEvents.In, 1).OrThrow("add");
            counter.Signal();
            Assert.Equal(1, epoll.Wait(new ReadyEvent[1], 0));
        }

        Assert.False(counter.Handle.IsClosed);
    }

    [Fact]
    public void A_send_passes_one_descriptor_and_no_other()
    {
        using var pair = SeqPacketPair.Open();
        using var counter = new EventCounter();

        pair.Client.Send("x"u8, counter.Handle, s_waitMax).OrThrow("send");
        Assert.Equal("1", DescriptorsInFlight(pair.Server));
        pair.Server.Receive(new byte[16], out SafeFileHandle? received, s_waitMax).OrThrow("receive");
        received!.Dispose();

        pair.Client.Send("x"u8, null, s_waitMax).OrThrow("send");
        Assert.Equal("0", DescriptorsInFlight(pair.Server));
    }

    [Fact]
    public void Surplus_descriptors_are_closed()
    {
        using var pair = SeqPacketPair.Open();
        var passed = new List<PipePair>();
        for (int i = 0; i < 5; i++)
        {
            PipePair.TryOpen(4_096, out PipePair? pipe).OrThrow("pipe2");
            passed.Add(pipe!);
        }

        SendWithDescriptors(pair.Client, [.. passed.Select(static pipe => pipe.WriteEnd)]);
        foreach (PipePair pipe in passed)
        {
            pipe.WriteEnd.Dispose();
        }

        Assert.Equal(1, pair.Server.Receive(new byte[16], out SafeFileHandle? kept, s_waitMax).Count);

        // Only the first pipe's end was handed to us.
        Assert.True(HasWriter(passed[0]));
        Assert.All(passed.Skip(1), static pipe => AssertLosesItsWriter(pipe));
        kept!.Dispose();
        AssertLosesItsWriter(passed[0]);
        passed.ForEach(static pipe => pipe.Dispose());
    }

    [Fact]
    public void As_many_descriptors_as_a_message_can_carry_do_not_truncate_it()
    {
        using var pair = SeqPacketPair.Open();
        using var counter = new EventCounter();

        SendWithDescriptors(pair.Client, [.. Enumerable.Repeat(counter.Handle, Libc.SCM_MAX_FD)]);

        Assert.Equal(1, pair.Server.Receive(new byte[16], out SafeFileHandle? received, s_waitMax).Count);
        Assert.NotNull(received);
        received.Dispose();
    }

    [Fact]
    public void A_message_that_does_not_fit_is_an_error_its_descriptor_is_closed_and_the_next_message_is_whole()
    {
        using var pair = SeqPacketPair.Open();
        PipePair.TryOpen(4_096, out PipePair? pipe).OrThrow("pipe2");
        using (pipe)
        {
            pair.Client.Send("too long"u8, pipe!.WriteEnd, s_waitMax).OrThrow("send");
            pair.Client.Send("fits"u8, null, s_waitMax).OrThrow("send");
            pipe.WriteEnd.Dispose();
            byte[] buffer = new byte[4];

            Assert.Equal(Errno.EMSGSIZE, pair.Server.Receive(buffer, out SafeFileHandle? descriptor, s_waitMax).Error);
            Assert.Null(descriptor);
            AssertLosesItsWriter(pipe);
            Assert.Equal(4, pair.Server.Receive(buffer, out _, s_waitMax).Count);
            Assert.Equal("fits"u8, buffer);
        }
    }

    [Fact]
    public void A_wait_ends_at_its_timeout()
    {
        using var pair = SeqPacketPair.Open();
        var shortWait = TimeSpan.FromMilliseconds(20);
        long start = System.Diagnostics.Stopwatch.GetTimestamp();

        Assert.Equal(Errno.ETIMEDOUT, pair.Server.Receive(new byte[1], out _, shortWait).Error);
        Assert.Equal(Errno.ETIMEDOUT, pair.Listener.Accept(shortWait, out SeqPacketSocket? accepted).Error);
        Assert.Null(accepted);
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(start), 2 * shortWait, s_waitMax);

        Assert.Equal(Errno.ETIMEDOUT, pair.Server.Receive(new byte[1], out _, TimeSpan.Zero).Error);
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Server.Receive(new byte[1], out _, TimeSpan.FromSeconds(-2)));
    }

    [Fact]
    public void A_send_waits_for_room_and_ends_at_its_timeout()
    {
        using var pair = SeqPacketPair.Open();
        byte[] message = new byte[16 * 1_024];
        SysResult sent;
        int messages = 0;
        while ((sent = pair.Client.Send(message, null, TimeSpan.Zero)).Ok)
        {
            messages++;
        }

        Assert.Equal(Errno.ETIMEDOUT, sent.Error);
        var receiver = new Thread(() =>
        {
            for (int i = 0; i < messages; i++)
            {
                pair.Server.Receive(new byte[message.Length], out _, s_waitMax).OrThrow("receive");
            }
        });
        receiver.Start();
        Assert.Equal(message.Length, pair.Client.Send(message, null, s_waitMax).Count);
        receiver.Join();
    }

    [Fact]
    public void The_other_ends_close_is_a_receive_of_none_after_the_last_message()
    {
        using var pair = SeqPacketPair.Open();
        pair.Client.Send("bye"u8, null, s_waitMax).OrThrow("send");
        pair.Client.Dispose();

        Assert.Equal(3, pair.Server.Receive(new byte[16], out _, s_waitMax).Count);
        Assert.Equal(0, pair.Server.Receive(new byte[16], out _, s_waitMax).Count);
        Assert.Equal(Errno.EPIPE, pair.Server.Send("late"u8, null, s_waitMax).Error);
    }

    [Fact]
    public void Disposing_wakes_a_thread_that_waits()
    {
        using var pair = SeqPacketPair.Open();
        SysResult received = default;
        SysResult accepted = default;
        TimeSpan forever = Timeout.InfiniteTimeSpan;
        var receiver = new Thread(() => received = Late(() => pair.Server.Receive(new byte[16], out _, forever))) { IsBackground = true };
        var acceptor = new Thread(() => accepted = Late(() => pair.Listener.Accept(forever, out _))) { IsBackground = true };
        receiver.Start();
        acceptor.Start();

        pair.Server.Dispose();
        pair.Listener.Dispose();

        Assert.True(receiver.Join(s_waitMax), "The receiver was not woken.");
        Assert.True(acceptor.Join(s_waitMax), "The acceptor was not woken.");
        Assert.True(received == SysResult.Success(0) || received.Error == Errno.EBADF, received.ToString());
        Assert.True(accepted.Error is Errno.ECANCELED or Errno.EBADF, accepted.ToString());

        // A call that begins after the close throws; here that is one of the two ways the race may go.
        static SysResult Late(Func<SysResult> call)
        {
            try
            {
                return call();
            }
            catch (ObjectDisposedException)
            {
                return SysResult.Failure(Errno.EBADF);
            }
        }
    }

    [Fact]
    public void The_peer_is_known_by_process_and_user()
    {
        using var pair = SeqPacketPair.Open();

        PeerCredentials peer = pair.Server.Peer;

        Assert.Equal(Environment.ProcessId, peer.ProcessId);
        Assert.Equal((uint)LibC.geteuid(), peer.UserId);
        Assert.Equal((uint)LibC.getegid(), peer.GroupId);
        Assert.Equal(peer, pair.Client.Peer);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void The_socket_file_is_for_its_owner_alone()
    {
        using var pair = SeqPacketPair.Open();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(pair.Path));
    }

    [Fact]
    public void A_listener_replaces_a_file_on_which_nobody_listens_and_no_other()
    {
        using var pair = SeqPacketPair.Open();

        Assert.Equal(Errno.EADDRINUSE, Assert.Throws<PosixException>(() => SeqPacketSocket.Listen(pair.Path, 1)).Error);
        Assert.True(SeqPacketSocket.Connect(pair.Path, out SeqPacketSocket? still).Ok, "The probe ended a live listener.");
        still!.Dispose();

        pair.Listener.Dispose();
        Assert.Equal(Errno.ECONNREFUSED, SeqPacketSocket.Connect(pair.Path, out SeqPacketSocket? refused).Error);
        Assert.Null(refused);
        using (SeqPacketSocket.Listen(pair.Path, 1))
        {
            Assert.True(SeqPacketSocket.Connect(pair.Path, out SeqPacketSocket? again).Ok);
            again!.Dispose();
        }

        File.Delete(pair.Path);
        Assert.Equal(Errno.ENOENT, SeqPacketSocket.Connect(pair.Path, out _).Error);
        File.WriteAllText(pair.Path, "somebody's");
        Assert.Equal(Errno.EADDRINUSE, Assert.Throws<PosixException>(() => SeqPacketSocket.Listen(pair.Path, 1)).Error);
        Assert.Equal("somebody's", File.ReadAllText(pair.Path));
    }

    [Fact]
    public void A_path_that_no_socket_can_have_is_refused()
    {
        string longest = "/" + new string('x', SeqPacketSocket.PathBytesMax - 1);

        Assert.Throws<ArgumentException>(() => SeqPacketSocket.Connect("", out _));
        Assert.Throws<ArgumentException>(() => SeqPacketSocket.Connect("/a\0b", out _));
        Assert.Throws<ArgumentException>(() => SeqPacketSocket.Connect(longest + "x", out _));
        Assert.Equal(Errno.ENOENT, SeqPacketSocket.Connect(longest, out _).Error);
    }

    [Fact]
    public void Nothing_is_neither_sent_nor_received_into()
    {
        using var pair = SeqPacketPair.Open();

        Assert.Throws<ArgumentException>(() => pair.Client.Send([], null, s_waitMax));
        Assert.Throws<ArgumentException>(() => pair.Client.Receive([], out _, s_waitMax));
    }

    // A process that another test starts holds every descriptor until its program runs.
    private static void AssertLosesItsWriter(PipePair pipe) =>
        Assert.True(SpinWait.SpinUntil(() => !HasWriter(pipe), TimeSpan.FromSeconds(30)));

    /// <summary>A pipe hangs up when its last writer is gone.</summary>
    private static bool HasWriter(PipePair pipe)
    {
        using EpollHandle epoll = EpollHandle.Create();
        epoll.Add(pipe.ReadEnd, EpollEvents.None, token: 0).OrThrow("add");
        return epoll.Wait(new ReadyEvent[1], 0) == 0;
    }

    /// <summary>How many descriptors wait in messages to be received, as the kernel tells in fdinfo.</summary>
    private static string DescriptorsInFlight(SeqPacketSocket receiver)
    {
        using FdLease lease = new(receiver.Handle);
        return DescriptorFact(lease.Number, "scm_fds");
    }

    private static string DescriptorFact(int descriptor, string name) =>
        File.ReadLines($"/proc/self/fdinfo/{descriptor}")
            .Single(line => line.StartsWith(name + ":", StringComparison.Ordinal))[(name.Length + 1)..]
            .Trim();

    /// <summary>Several descriptors with one byte, which the public Send has no way to say.</summary>
    private static void SendWithDescriptors(SeqPacketSocket socket, SafeHandle[] descriptors)
    {
        int[] numbers = new int[descriptors.Length];
        for (int i = 0; i < descriptors.Length; i++)
        {
            using FdLease lease = new(descriptors[i]);
            numbers[i] = lease.Number;
        }

        socket.SendWith(numbers, "x"u8, s_waitMax).OrThrow("send");
    }
}
