using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Interop.Linux;
using Tmds.Linux;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Interop.Tests.Linux;

public sealed class SpliceTests
{
    private const int MiB = 1_024 * 1_024;

    [Fact]
    public void A_pipe_of_one_MiB_moves_what_is_larger_than_itself_unchanged_both_ways()
    {
        byte[] sent = RandomNumberGenerator.GetBytes(8 * MiB);

        using TcpPair left = TcpPair.Open();
        using TcpPair right = TcpPair.Open();
        using PipePair pipe = OpenPipe(MiB);
        Assert.Equal(MiB, pipe.CapacityBytes);

        Assert.Equal(SHA256.HashData(sent), SHA256.HashData(Relay(sent, left, right, pipe)));
        Assert.Equal(SHA256.HashData(sent), SHA256.HashData(Relay(sent, right, left, pipe)));
    }

    [Fact]
    public void A_pipe_has_the_capacity_that_was_asked_for_rounded_up_to_pages()
    {
        using PipePair pair = OpenPipe(64 * 1_024 + 1);

        Assert.Equal(128 * 1_024, pair.CapacityBytes);
    }

    [Fact]
    public void A_pipe_that_cannot_have_its_capacity_keeps_what_it_has()
    {
        // No pipe can be this large, with or without privilege.
        using PipePair pair = OpenPipe(int.MaxValue);

        using FdLease lease = new(pair.ReadEnd);
        Assert.Equal(SysResult.From(LibC.fcntl(lease.Number, LibC.F_GETPIPE_SZ)).Count, pair.CapacityBytes);
        Assert.InRange(pair.CapacityBytes, 4_096, 64 * MiB);
    }

    [Fact]
    public void Nothing_arrived_and_no_room_are_both_a_result()
    {
        using TcpPair pair = TcpPair.Open();
        using PipePair pipe = OpenPipe(4_096);

        Assert.True(Splice.FromSocket(pair.Server, pipe, 4_096).WouldBlock);
        Assert.True(Splice.ToSocket(pipe, pair.Server, 4_096).WouldBlock);

        Sockets.Send(pair.Client, new byte[64 * 1_024]).OrThrow("send");
        TcpPair.WaitFor(pair.Server, EpollEvents.In);
        int pipedBytes = 0;
        SysResult moved;
        while ((moved = Splice.FromSocket(pair.Server, pipe, 64 * 1_024)).Ok)
        {
            pipedBytes += moved.Count;
        }

        Assert.True(moved.WouldBlock);
        Assert.InRange(pipedBytes, 1, pipe.CapacityBytes);
        Assert.InRange(Sockets.BytesReadable(pair.Server), 1, 64 * 1_024 - pipedBytes);
    }

    [Fact]
    public void The_end_of_the_stream_is_a_splice_of_none()
    {
        using TcpPair pair = TcpPair.Open();
        using TcpPair target = TcpPair.Open();
        using PipePair pipe = OpenPipe(1);
        Sockets.Send(pair.Client, "end"u8).OrThrow("send");
        Sockets.Shutdown(pair.Client, SocketShutdown.Send).OrThrow("shutdown");
        TcpPair.WaitFor(pair.Server, EpollEvents.RdHup);

        // Three bytes fill the one page there is, and a full pipe hides the end.
        Assert.Equal(3, Splice.FromSocket(pair.Server, pipe, 4_096).Count);
        Assert.True(Splice.FromSocket(pair.Server, pipe, 4_096).WouldBlock);
        Assert.Equal(3, Splice.ToSocket(pipe, target.Client, 3).Count);
        Assert.Equal(0, Splice.FromSocket(pair.Server, pipe, 4_096).Count);
    }

    [Fact]
    public void A_target_that_is_gone_is_a_result_and_not_a_signal()
    {
        using TcpPair source = TcpPair.Open();
        using TcpPair target = TcpPair.Open();
        using PipePair pipe = OpenPipe(4_096);
        Sockets.Send(source.Client, "lost"u8).OrThrow("send");
        TcpPair.WaitFor(source.Server, EpollEvents.In);
        Splice.FromSocket(source.Server, pipe, 4_096).OrThrow("splice");
        SocketOptions.ResetOnClose(target.Server).OrThrow("SO_LINGER");
        target.Server.Dispose();
        TcpPair.WaitFor(target.Client, EpollEvents.Hup);
        Assert.Equal(Errno.ECONNRESET, Sockets.TakeError(target.Client));

        Assert.Equal(Errno.EPIPE, Splice.ToSocket(pipe, target.Client, 4).Error);
    }

    [Fact]
    public void Moving_nothing_is_refused_because_it_would_look_like_the_end()
    {
        using TcpPair pair = TcpPair.Open();
        using PipePair pipe = OpenPipe(4_096);

        Assert.Throws<ArgumentOutOfRangeException>(() => Splice.FromSocket(pair.Server, pipe, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Splice.ToSocket(pipe, pair.Server, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => PipePair.TryOpen(0, out _));
    }

    /// <summary>Sends from one connection's client, splices between the servers, and returns what the other's client receives.</summary>
    private static byte[] Relay(byte[] sent, TcpPair from, TcpPair to, PipePair pipe)
    {
        SocketHandle source = from.Server;
        SocketHandle target = to.Server;
        byte[] received = new byte[sent.Length];
        var receiver = new Thread(() => TcpPair.ReceiveExactly(to.Client, received));
        var sender = new Thread(() => SendAll(from.Client, sent));
        receiver.Start();
        sender.Start();
        int pipedBytes = 0;
        int deliveredBytes = 0;
        while (deliveredBytes < sent.Length)
        {
            if (pipedBytes == 0)
            {
                SysResult taken = Splice.FromSocket(source, pipe, MiB);
                if (taken.WouldBlock)
                {
                    TcpPair.WaitFor(source, EpollEvents.In);
                    continue;
                }

                Assert.NotEqual(0, taken.Count);
                pipedBytes = taken.Count;
            }

            SysResult given = Splice.ToSocket(pipe, target, pipedBytes);
            if (given.WouldBlock)
            {
                TcpPair.WaitFor(target, EpollEvents.Out);
                continue;
            }

            pipedBytes -= given.Count;
            deliveredBytes += given.Count;
        }

        sender.Join();
        receiver.Join();
        return received;
    }

    private static void SendAll(SocketHandle socket, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            SysResult sent = Sockets.Send(socket, source);
            if (sent.WouldBlock)
            {
                TcpPair.WaitFor(socket, EpollEvents.Out);
                continue;
            }

            source = source[sent.Count..];
        }
    }

    private static PipePair OpenPipe(int capacityBytes)
    {
        PipePair.TryOpen(capacityBytes, out PipePair? pair).OrThrow("pipe2");
        return pair!;
    }
}
