using Mesh.Node.Proxy.Http.Detection;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Detection;

public sealed class PortHintsTests
{
    private static readonly PortKey s_mysql = new("uid-cart", "shop/mysql.shop.svc.cluster.local", 3306);

    private readonly PortHints _hints = new(lifetimeMs: 1_000);

    [Fact]
    public void Silence_is_waited_out_once_and_again_when_the_hint_has_expired()
    {
        Assert.False(_hints.IsServerFirst(s_mysql, nowMs: 0));
        _hints.ServerSpoke(s_mysql, nowMs: 500);
        Assert.True(_hints.IsServerFirst(s_mysql, nowMs: 501));
        Assert.True(_hints.IsServerFirst(s_mysql, nowMs: 1_499));
        Assert.False(_hints.IsServerFirst(s_mysql, nowMs: 1_500));
    }

    [Fact]
    public void A_client_that_speaks_takes_the_hint_back()
    {
        _hints.ServerSpoke(s_mysql, nowMs: 0);
        _hints.ClientSpoke(s_mysql);
        Assert.False(_hints.IsServerFirst(s_mysql, nowMs: 1));
    }

    [Fact]
    public void Other_ports_owners_and_clients_are_told_apart()
    {
        _hints.ServerSpoke(s_mysql, nowMs: 0);
        PortKey[] others = [s_mysql with { Port = 3307 }, s_mysql with { Owner = "shop/other" }, s_mysql with { Client = "uid-web" }, default];
        foreach (PortKey other in others)
        {
            Assert.False(_hints.IsServerFirst(other, nowMs: 1));
            _hints.ClientSpoke(other);
        }

        Assert.True(_hints.IsServerFirst(s_mysql, nowMs: 1));
    }

    [Fact]
    public void However_many_ports_there_are_the_memory_is_of_one_size()
    {
        PortKey[] keys = [.. Enumerable.Range(0, 65_536).Select(port => s_mysql with { Port = port })];
        foreach (PortKey key in keys)
        {
            _hints.ServerSpoke(key, nowMs: 0);
        }

        Assert.InRange(keys.Count(key => _hints.IsServerFirst(key, nowMs: 1)), 1, 1_024);
        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            foreach (PortKey key in keys)
            {
                _hints.IsServerFirst(key, nowMs: 1);
            }
        }));
        Assert.True(_hints.IsServerFirst(keys[^1], nowMs: 1));
    }
}
