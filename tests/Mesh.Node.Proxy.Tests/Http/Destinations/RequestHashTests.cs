using System.Net;
using System.Text;
using Mesh.Node.Model.Balancing.Hashing;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Destinations;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Destinations;

public sealed class RequestHashTests
{
    public static TheoryData<HashTableKind, int> Tables => new() { { HashTableKind.Ring, 1_024 }, { HashTableKind.Maglev, 65_537 } };

    [Theory]
    [InlineData(HashKey.Header, "X-User", "x-user: anna", "", "anna")]
    [InlineData(HashKey.Header, "x-user", "x-other: anna", "", null)]
    [InlineData(HashKey.Header, "x-user", "x-user: ", "", null)]
    [InlineData(HashKey.Cookie, "user", "cookie: user=anna", "", "anna")]
    [InlineData(HashKey.Cookie, "user", "cookie: a=1; user=anna ;b=2", "", "anna")]
    [InlineData(HashKey.Cookie, "user", "cookie: a=1;user=\"an=na\"", "", "\"an=na\"")]
    [InlineData(HashKey.Cookie, "user", "cookie: user=anna; user=bert", "", "anna")]
    [InlineData(HashKey.Cookie, "user", "cookie: superuser=bert; username=carl", "", null)]
    [InlineData(HashKey.Cookie, "user", "cookie: User=anna", "", null)]
    [InlineData(HashKey.Cookie, "user", "cookie: user=", "", null)]
    [InlineData(HashKey.Cookie, "user", "cookie: user", "", null)]
    [InlineData(HashKey.Cookie, "user", "x-cookie: user=anna", "", null)]
    [InlineData(HashKey.QueryParameter, "user", "x-user: bert", "a=1&user=anna&user=carl", "anna")]
    [InlineData(HashKey.QueryParameter, "user", "x-user: bert", "a=1&User=anna", null)]
    [InlineData(HashKey.QueryParameter, "user", "x-user: bert", "user", null)]
    public void The_key_is_what_the_policy_names(HashKey kind, string name, string field, string query, string? key)
    {
        var facts = new Facts(field, query);
        bool found = RequestHash.TryGet(new HashPolicy(kind, name), in facts, IPAddress.Loopback, out ulong hash);

        Assert.Equal(key is not null, found);
        if (key is not null)
        {
            Assert.Equal(ConsistentHash.HashOf(Encoding.UTF8.GetBytes(key)), hash);
        }
    }

    [Fact]
    public void An_address_is_one_key_however_it_is_written()
    {
        Assert.Equal(HashOf("10.1.2.3"), HashOf("::ffff:10.1.2.3"));
        Assert.NotEqual(HashOf("10.1.2.3"), HashOf("10.1.2.4"));
        Assert.NotEqual(HashOf("fd00::1"), HashOf("fd00::2"));

        static ulong HashOf(string address)
        {
            var facts = new Facts("x: y", "");
            Assert.True(RequestHash.TryGet(new HashPolicy(HashKey.SourceAddress), in facts, IPAddress.Parse(address), out ulong hash));
            return hash;
        }
    }

    [Theory]
    [MemberData(nameof(Tables))]
    public void A_key_stays_with_its_endpoint_and_goes_back_to_it(HashTableKind table, int size)
    {
        ShopMesh mesh = Hashed(endpoints: 10, table, size);
        int[] before = Owners(mesh);
        Assert.Equal(before, Owners(mesh));
        Assert.Equal(10, before.Distinct().Count());

        // Ejected: its keys move and no others, to several; a try that failed changes nothing.
        mesh.Known(3).Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);
        int[] without = Owners(mesh);
        Assert.All(before.Zip(without), pair => Assert.True(pair.First == 3 ? pair.Second != 3 : pair.Second == pair.First));
        Assert.True(before.Zip(without).Where(pair => pair.First == 3).Select(pair => pair.Second).Distinct().Count() > 3);
        DestinationEndpoint tried = mesh.Pick(hash: 12).Endpoint!;
        Assert.Same(tried, mesh.Pick(hash: 12, tried: tried).Endpoint);

        mesh.NowMs += 40_000;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.Equal(before, Owners(mesh));
    }

    [Theory]
    [MemberData(nameof(Tables))]
    public void Few_keys_move_when_an_endpoint_comes(HashTableKind table, int size)
    {
        ShopMesh mesh = Hashed(endpoints: 10, table, size);
        int[] before = Owners(mesh);
        mesh.Change(change => change.SetWorkload(ShopMesh.Endpoint(10)));

        int moved = before.Zip(Owners(mesh)).Count(pair => pair.First != pair.Second);
        Assert.InRange(moved, 1, 400);
    }

    [Fact]
    public void Where_nothing_can_be_hashed_a_request_goes_anywhere()
    {
        ShopMesh mesh = Hashed(endpoints: 4, HashTableKind.Ring, 1_024);

        Assert.Equal([0, 1, 2, 3], mesh.Tally(400).Keys.Order());
        Assert.DoesNotContain(0, mesh.Tally(400, mesh.Known(0)).Keys);
    }

    [Fact]
    public void Near_endpoints_share_all_keys_while_one_of_them_is_left()
    {
        ShopMesh mesh = Hashed(endpoints: 0, HashTableKind.Maglev, 65_537, prefersNear: true);
        mesh.Change(change =>
        {
            for (int index = 0; index < 6; index++)
            {
                change.SetWorkload(ShopMesh.Endpoint(index) with { Locality = new Locality(index < 3 ? "north" : "south", "north-1", "") });
            }
        });

        Assert.Equal([0, 1, 2], Owners(mesh).Distinct().Order());
        foreach (int index in Enumerable.Range(0, 3))
        {
            mesh.Known(index).Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);
        }

        Assert.Equal([3, 4, 5], Owners(mesh).Distinct().Order());
    }

    [Fact]
    public void Tables_are_made_when_candidates_or_their_kind_change_and_not_otherwise()
    {
        ShopMesh mesh = Hashed(endpoints: 4, HashTableKind.Ring, 1_024);
        int[] ring = Owners(mesh);

        // Another key leads to the same table.
        mesh.Change(change => change.SetTraffic(ShopMesh.TrafficOf(Policy(HashTableKind.Ring, 1_024, header: "x-other"))));
        Assert.Equal(ring, Owners(mesh));
        mesh.Change(change => change.SetTraffic(ShopMesh.TrafficOf(Policy(HashTableKind.Maglev, 65_537))));
        Assert.NotEqual(ring, Owners(mesh));
    }

    private static ShopMesh Hashed(int endpoints, HashTableKind table, int size, bool prefersNear = false) =>
        new(endpoints, Policy(table, size, prefersNear));

    private static TrafficPolicy Policy(HashTableKind table, int size, bool prefersNear = false, string header = "x-user") => new()
    {
        PrefersNear = prefersNear,
        Outliers = new OutlierOptions { Consecutive5xx = 1, MaxEjectionPercent = 100 },
        Balancing = new BalancingPolicy(
            BalancingAlgorithm.ConsistentHash, new HashPolicy(HashKey.Header, header) { Table = table, TableSize = size }),
    };

    /// <summary>Where a thousand keys lead.</summary>
    private static int[] Owners(ShopMesh mesh) =>
        [.. Enumerable.Range(0, 1_000).Select(key => ShopMesh.NumberOf(mesh.Pick(hash: ConsistentHash.HashOf(BitConverter.GetBytes(key)))))];

    private sealed class Facts(string field, string query) : IRequestFacts
    {
        private readonly byte[] _name = Encoding.UTF8.GetBytes(field[..field.IndexOf(':', StringComparison.Ordinal)]);
        private readonly byte[] _value = Encoding.UTF8.GetBytes(field[(field.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim());
        private readonly byte[] _query = Encoding.UTF8.GetBytes(query);

        public ReadOnlySpan<byte> Method => "GET"u8;

        public ReadOnlySpan<byte> Scheme => "http"u8;

        public ReadOnlySpan<byte> Authority => "stock"u8;

        public ReadOnlySpan<byte> Path => "/"u8;

        public ReadOnlySpan<byte> Query => _query;

        public Workload? Source => null;

        public bool TryGetHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        {
            bool found = name.SequenceEqual(_name);
            value = found ? _value : default;
            return found;
        }
    }
}
