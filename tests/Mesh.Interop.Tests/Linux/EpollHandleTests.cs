using System.Net.Sockets;
using Mesh.Interop.Linux;
using Xunit;

namespace Mesh.Interop.Tests.Linux;

public sealed class EpollHandleTests
{
    private const int WaitMsMax = 5_000;

    [Fact]
    public void Reports_carry_the_tokens_of_their_registrations()
    {
        using EpollHandle epoll = EpollHandle.Create();
        using var first = new EventCounter();
        using var second = new EventCounter();
        using var silent = new EventCounter();
        epoll.Add(first.Handle, EpollEvents.In, 0xFEDC_BA98_7654_3210).OrThrow("add");
        epoll.Add(second.Handle, EpollEvents.In, 2).OrThrow("add");
        epoll.Add(silent.Handle, EpollEvents.In, 3).OrThrow("add");
        first.Signal();
        second.Signal();
        var ready = new ReadyEvent[8];

        Assert.Equal(2, epoll.Wait(ready, WaitMsMax));

        Assert.Equal([2, 0xFEDC_BA98_7654_3210], ready[..2].Select(static report => report.Token).Order().ToArray());
        Assert.All(ready[..2], static report => Assert.Equal(EpollEvents.In, report.Events));
    }

    [Fact]
    public void A_span_of_one_takes_one_report_at_a_time()
    {
        using EpollHandle epoll = EpollHandle.Create();
        using var first = new EventCounter();
        using var second = new EventCounter();
        epoll.Add(first.Handle, EpollEvents.In | EpollEvents.EdgeTriggered, 1).OrThrow("add");
        epoll.Add(second.Handle, EpollEvents.In | EpollEvents.EdgeTriggered, 2).OrThrow("add");
        first.Signal();
        second.Signal();
        var ready = new ReadyEvent[1];

        Assert.Equal(1, epoll.Wait(ready, 0));
        ulong earlier = ready[0].Token;
        Assert.Equal(1, epoll.Wait(ready, 0));
        Assert.NotEqual(earlier, ready[0].Token);
        Assert.Equal(0, epoll.Wait(ready, 0));
    }

    [Fact]
    public void An_edge_is_reported_once_and_a_state_until_it_ends()
    {
        using EpollHandle epoll = EpollHandle.Create();
        using var edge = new EventCounter();
        using var state = new EventCounter();
        epoll.Add(edge.Handle, EpollEvents.In | EpollEvents.EdgeTriggered, 1).OrThrow("add");
        epoll.Add(state.Handle, EpollEvents.In, 2).OrThrow("add");
        edge.Signal();
        state.Signal();
        var ready = new ReadyEvent[8];

        Assert.Equal(2, epoll.Wait(ready, 0));
        Assert.Equal(1, epoll.Wait(ready, 0));
        Assert.Equal(2UL, ready[0].Token);
        state.Drain();
        Assert.Equal(0, epoll.Wait(ready, 0));
        edge.Signal();
        Assert.Equal(1, epoll.Wait(ready, 0));
        Assert.Equal(1UL, ready[0].Token);
    }

    [Fact]
    public void A_registration_can_be_changed_and_ended()
    {
        using EpollHandle epoll = EpollHandle.Create();
        using TcpPair pair = TcpPair.Open();
        var ready = new ReadyEvent[8];

        Assert.Equal(Errno.ENOENT, epoll.Modify(pair.Client, EpollEvents.Out, 1).Error);
        epoll.Add(pair.Client, EpollEvents.In, 1).OrThrow("add");
        Assert.Equal(Errno.EEXIST, epoll.Add(pair.Client, EpollEvents.In, 1).Error);
        Assert.Equal(0, epoll.Wait(ready, 0));
        epoll.Modify(pair.Client, EpollEvents.Out, 7).OrThrow("modify");
        Assert.Equal(1, epoll.Wait(ready, 0));
        Assert.Equal((EpollEvents.Out, 7UL), (ready[0].Events, ready[0].Token));
        epoll.Remove(pair.Client).OrThrow("remove");
        Assert.Equal(0, epoll.Wait(ready, 0));
        Assert.Equal(Errno.ENOENT, epoll.Remove(pair.Client).Error);
    }

    [Fact]
    public void Closing_a_descriptor_ends_its_registration()
    {
        using EpollHandle epoll = EpollHandle.Create();
        using TcpPair pair = TcpPair.Open();
        epoll.Add(pair.Client, EpollEvents.Out, 1).OrThrow("add");

        pair.Client.Dispose();

        // A process that another test starts holds every descriptor until its program runs.
        Assert.True(SpinWait.SpinUntil(() => epoll.Wait(new ReadyEvent[8], 0) == 0, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_peers_end_is_reported_as_such()
    {
        using EpollHandle epoll = EpollHandle.Create();
        using TcpPair pair = TcpPair.Open();
        epoll.Add(pair.Server, EpollEvents.In | EpollEvents.RdHup, 1).OrThrow("add");
        var ready = new ReadyEvent[1];

        Sockets.Shutdown(pair.Client, SocketShutdown.Send).OrThrow("shutdown");

        Assert.Equal(1, epoll.Wait(ready, WaitMsMax));
        Assert.Equal(EpollEvents.In | EpollEvents.RdHup, ready[0].Events);
    }

    [Fact]
    public void A_signal_from_another_thread_wakes_a_wait_and_signals_merge()
    {
        using EpollHandle epoll = EpollHandle.Create();
        using var counter = new EventCounter();
        epoll.Add(counter.Handle, EpollEvents.In, 1).OrThrow("add");
        var ready = new ReadyEvent[1];
        var signaller = new Thread(() =>
        {
            counter.Signal();
            counter.Signal();
        });
        signaller.Start();

        Assert.Equal(1, TcpPair.WaitReady(epoll, ready));
        signaller.Join();
        counter.Drain();
        Assert.Equal(0, epoll.Wait(ready, 0));
        counter.Drain();
    }

    [Fact]
    public void A_wait_without_room_is_refused()
    {
        using EpollHandle epoll = EpollHandle.Create();

        Assert.Throws<ArgumentException>(() => epoll.Wait([], 0));
    }
}
