using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Transport.Tests.EventLoops;

/// <summary>In which order shares get their turns, where each piece of work takes a time that is told and not measured.</summary>
public sealed class ShareOrderTests : IDisposable
{
    private const long PartTicks = 100;

    private readonly EventLoop _loop = EventLoop.Start("test-loop", 0, new EventLoopOptions());
    private readonly ShareOrder _order = new(PartTicks);
    private readonly Dictionary<LoopShare, char> _names = [];

    [Fact]
    public void A_share_with_a_thousand_pieces_of_work_and_one_with_few_take_turns()
    {
        LoopShare flood = Share('f', works: 1_000);
        LoopShare victim = Share('v', works: 20);
        Assert.Equal("ffffffffffvvvvvvvvvvffffffffffvvvvvvvvvvffffffffffffffffffff", Serve(60, ticksEach: 10));
        Assert.False(flood.IsEmpty);
        Assert.True(victim.IsEmpty);
    }

    [Fact]
    public void What_had_nothing_to_do_comes_before_what_is_busy_and_is_back_at_the_end_with_its_next_work()
    {
        Share('f', works: 1_000);
        Assert.Equal("fffffffffffff", Serve(13, ticksEach: 10));
        LoopShare victim = Share('v', works: 1);
        Assert.Equal("vfffffff", Serve(8, ticksEach: 10));

        // It used up its start, or many who ask little at a time would be all that is served.
        Add(victim, works: 1);
        Assert.Equal("vffffffffff", Serve(11, ticksEach: 10));
    }

    [Fact]
    public void Many_who_ask_little_do_not_keep_a_busy_one_from_its_part()
    {
        LoopShare flood = Share('f', works: 1_000);
        LoopShare[] others = [.. Enumerable.Range(0, 10).Select(_ => Share('o', works: 0))];
        int served = 0;
        for (int round = 0; round < 50; round++)
        {
            // Each comes back the moment it has been served.
            foreach (LoopShare other in others)
            {
                if (other.IsEmpty)
                {
                    Add(other, works: 1);
                }
            }

            served += Serve(20, ticksEach: 10).Count(name => name == 'f');
        }

        Assert.InRange(served, 300, 1_000);
        Assert.False(flood.IsEmpty);
    }

    [Fact]
    public void What_one_piece_of_work_took_beyond_the_part_is_paid_back_before_the_next()
    {
        Share('l', works: 10);
        Share('s', works: 100);
        string order = string.Concat(Enumerable.Range(0, 19).Select(_ => ServeOne(share => share == 'l' ? 400 : 50)));
        Assert.Equal("lsssssssslssssssssl", order);
    }

    [Fact]
    public void What_a_pause_of_the_machine_took_is_owed_in_part()
    {
        Share('l', works: 10);
        Share('s', works: 100);
        string order = string.Concat(Enumerable.Range(0, 30).Select(_ => ServeOne(share => share == 'l' ? 100_000 : 50)));
        Assert.Equal('l', order[0]);
        Assert.InRange(order.IndexOf('l', 1), 10, 25);
    }

    [Fact]
    public void A_share_that_is_alone_is_served_whatever_it_owes()
    {
        Share('a', works: 3);
        Assert.Equal("aaa", Serve(3, ticksEach: 100_000));
        Assert.Null(_order.Next());
        Assert.True(_order.IsEmpty);
        Share('b', works: 1);
        Assert.Equal("b", Serve(1, ticksEach: 1));
    }

    [Fact]
    public void Equal_shares_get_equal_time_whatever_their_pieces_take()
    {
        Share('a', works: 100_000);
        Share('b', works: 100_000);
        Share('c', works: 100_000);
        var ticks = new Dictionary<char, long> { ['a'] = 0, ['b'] = 0, ['c'] = 0 };
        for (int i = 0; i < 20_000; i++)
        {
            ServeOne(name =>
            {
                long took = name switch { 'a' => 7, 'b' => 30, _ => 230 };
                ticks[name] += took;
                return took;
            });
        }

        Assert.InRange(ticks.Values.Max() - ticks.Values.Min(), 0, PartTicks + 230);
    }

    [Fact]
    public void Within_a_share_what_is_ready_and_what_was_deferred_take_turns_each_in_its_order()
    {
        LoopShare share = _loop.CreateShare();
        var deferred = new List<Named> { new("d0"), new("d1"), new("d2") };
        deferred.ForEach(share.AddDeferred);
        for (ulong token = 1; token <= 2; token++)
        {
            share.AddReady(token);
        }

        var order = new List<string>();
        while (!share.IsEmpty)
        {
            order.Add(share.Take(out ulong token) is Named named ? named.Name : $"r{token}");
        }

        Assert.Equal(["r1", "d0", "r2", "d1", "d2"], order);
    }

    /// <inheritdoc/>
    public void Dispose() => _loop.Dispose();

    private LoopShare Share(char name, int works)
    {
        LoopShare share = _loop.CreateShare();
        _names.Add(share, name);
        Add(share, works);
        return share;
    }

    private void Add(LoopShare share, int works)
    {
        for (int i = 0; i < works; i++)
        {
            share.AddReady(1);
            _order.Enter(share);
        }
    }

    private string Serve(int works, long ticksEach) => string.Concat(Enumerable.Range(0, works).Select(_ => ServeOne(_ => ticksEach)));

    private char ServeOne(Func<char, long> ticksOf)
    {
        LoopShare share = _order.Next()!;
        share.Take(out _);
        _order.Charge(share, ticksOf(_names[share]));
        return _names[share];
    }

    private sealed class Named(string name) : IReadyHandler
    {
        public string Name => name;

        public void OnReady(EpollEvents events)
        {
        }
    }
}
