using Mesh.Interop.Linux;
using Mesh.Testing;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Interop.Tests.Linux;

/// <summary>Goal: what runs per read, write or turn of a loop allocates nothing.</summary>
public sealed class AllocationTests
{
    private const int Repeats = 1_000;

    [Fact]
    public void Sending_and_receiving_allocate_nothing()
    {
        using TcpPair pair = TcpPair.Open();
        SocketOptions.NoDelay(pair.Client, on: true).OrThrow("TCP_NODELAY");
        byte[] buffer = new byte[64];

        AssertAllocatesNothing(() =>
        {
            Sockets.Send(pair.Client, buffer);
            Sockets.Peek(pair.Server, buffer);
            Sockets.Receive(pair.Server, buffer);
            Sockets.BytesReadable(pair.Server);
            Sockets.TakeError(pair.Client);
            SocketOptions.NoDelay(pair.Client, on: true);
        });
    }

    [Fact]
    public void Splicing_allocates_nothing()
    {
        using TcpPair pair = TcpPair.Open();
        PipePair.TryOpen(4_096, out PipePair? opened).OrThrow("pipe2");
        using PipePair pipe = opened!;
        byte[] buffer = new byte[64];

        AssertAllocatesNothing(() =>
        {
            Sockets.Send(pair.Client, buffer);
            SysResult moved = Splice.FromSocket(pair.Server, pipe, 4_096);
            if (moved.Ok)
            {
                Splice.ToSocket(pipe, pair.Server, moved.Count);
            }

            Sockets.Receive(pair.Client, buffer);
        });
    }

    [Fact]
    public void Waiting_and_waking_allocate_nothing()
    {
        using EpollHandle epoll = EpollHandle.Create();
        using var counter = new EventCounter();
        using TcpPair pair = TcpPair.Open();
        epoll.Add(counter.Handle, EpollEvents.In, 1).OrThrow("add");
        var ready = new ReadyEvent[4];

        AssertAllocatesNothing(() =>
        {
            counter.Signal();
            epoll.Wait(ready, 0);
            counter.Drain();
            epoll.Add(pair.Client, EpollEvents.In, 2);
            epoll.Modify(pair.Client, EpollEvents.Out, 2);
            epoll.Remove(pair.Client);
        });
    }

    [LabFact]
    public void Entering_and_leaving_a_namespace_allocates_nothing()
    {
        using NetNamespace created = NetNamespace.Create();

        AssertAllocatesNothing(() => created.Run(1, static value => value));
    }

    private static void AssertAllocatesNothing(Action body) => Assert.Equal(0, SteadyState.AllocatedBytes(() =>
    {
        for (int i = 0; i < Repeats; i++)
        {
            body();
        }
    }));
}
