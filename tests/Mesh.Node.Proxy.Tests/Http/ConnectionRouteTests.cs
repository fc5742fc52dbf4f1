using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net.Sockets;
using System.Text;
using Mesh.Fuzz.Targets;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: connections whose requests nobody reads go where the routes of their service lead, by server name, address and client, by weight, and
/// past what has no endpoint. Method: servers that say who they are, on the node and over the network.
/// </summary>
public sealed class ConnectionRouteTests
{
    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    /// <summary>What is known at once to be neither TLS nor a request.</summary>
    private static readonly byte[] s_neither = [0, 1, 2, 3];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_connection_goes_where_the_first_route_that_is_its_own_leads(SameNodeMode mode)
    {
        await using HttpLab lab = await StartAsync(mode);
        (HttpService dialled, _) = await AddAsync(lab, "dialled", PortProtocol.Tls);
        (HttpService one, _) = await AddAsync(lab, "one", PortProtocol.Tls);
        (HttpService two, _) = await AddAsync(lab, "two", PortProtocol.Tls);
        (HttpService three, _) = await AddAsync(lab, "three", PortProtocol.Tls);
        Route(
            lab,
            dialled,
            RouteTo(one, new ConnectionMatch { ServerNames = ["one.example.org"], Source = Clients("nobody") }),
            RouteTo(one, new ConnectionMatch { ServerNames = ["one.example.org", "*.one.example.org"], Source = Clients(lab.Client.Workload.Uid) }),
            RouteTo(
                two,
                new ConnectionMatch { ServerNames = ["*.example.org"], Destinations = PrefixSet.Create([IpPrefix.Parse("192.0.2.0/24")]) },
                new ConnectionMatch { ServerNames = ["two.example.org"], Destinations = PrefixSet.Create([IpPrefix.Parse($"{dialled.Address}/32")]) }),
            RouteTo(three, new ConnectionMatch { ServerNames = ["*.example.org"] }));
        Assert.Equal("one", await HelloAsync(lab, dialled, "one.example.org"));
        Assert.Equal("one", await HelloAsync(lab, dialled, "a.b.one.example.org"));
        Assert.Equal("two", await HelloAsync(lab, dialled, "two.example.org"));
        Assert.Equal("three", await HelloAsync(lab, dialled, "other.example.org"));
        Assert.Equal("dialled", await HelloAsync(lab, dialled, "example.org"));
        Assert.Equal("dialled", await HelloAsync(lab, dialled, null));
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Connections_are_split_by_weight_and_pass_over_what_has_no_endpoint(SameNodeMode mode)
    {
        await using HttpLab lab = await StartAsync(mode);
        (HttpService dialled, _) = await AddAsync(lab, "dialled", PortProtocol.Tcp);
        (HttpService one, LabPod pod) = await AddAsync(lab, "one", PortProtocol.Tcp);
        (HttpService two, _) = await AddAsync(lab, "two", PortProtocol.Tcp);
        Route(lab, dialled, Split((one, 1), (two, 1)));
        var seen = new HashSet<string>();
        await Eventually.TrueAsync(
            async () =>
            {
                seen.Add(await SayAsync(lab, dialled));
                return seen.Count == 2;
            },
            LabNode.Patience);
        Assert.Equal(["one", "two"], seen.Order());

        lab.Node.Configure(mesh => mesh.SetWorkload(lab.Node.Current.FindWorkload(pod.Workload.Uid)! with { IsHealthy = false }));
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal("two", await SayAsync(lab, dialled));
        }

        Route(lab, dialled, Split((one, 1)));
        Assert.Equal("", await SayAsync(lab, dialled));
        await lab.Node.WaitForLineAsync($"close_reason={CloseReason.NoHealthyEndpoint}", "no destination of the route");
    }

    /// <summary>As Gateway API has it: no share of what is invalid goes to what is not.</summary>
    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task What_keeps_its_share_has_its_connections_closed(SameNodeMode mode)
    {
        await using HttpLab lab = await StartAsync(mode);
        (HttpService dialled, _) = await AddAsync(lab, "dialled", PortProtocol.Tls);
        (HttpService one, _) = await AddAsync(lab, "one", PortProtocol.Tls);
        var nowhere = new WeightedDestination("", 0, "", 1);
        Route(
            lab,
            dialled,
            RouteTo(one, new ConnectionMatch { ServerNames = ["one.example.org"] }),
            new ConnectionRoute("others", [], new WeightedDestinations([nowhere], keepsUnusable: true)));
        Assert.Equal("one", await HelloAsync(lab, dialled, "one.example.org"));
        Assert.Equal("", await HelloAsync(lab, dialled, "other.example.org"));
        await lab.Node.WaitForLineAsync($"close_reason={CloseReason.NoHealthyEndpoint}", "the route others");

        // Beside one that can be reached, too: it would be all that is seen otherwise.
        var reached = new WeightedDestination(one.Service.Key, 80, "", 1);
        Route(lab, dialled, new ConnectionRoute("both", [], new WeightedDestinations([reached, nowhere], keepsUnusable: true)));
        var seen = new HashSet<string>();
        await Eventually.TrueAsync(
            async () =>
            {
                seen.Add(await HelloAsync(lab, dialled, "one.example.org"));
                return seen.Count == 2;
            },
            LabNode.Patience);
        Assert.Equal(["", "one"], seen.Order());
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Requests_at_a_port_that_declares_nothing_go_by_its_routes_of_connections_where_these_are_for_all(SameNodeMode mode)
    {
        await using HttpLab lab = await StartAsync(mode);
        (HttpService dialled, _) = await AddAsync(lab, "dialled", PortProtocol.Detect);
        (HttpService one, _) = await AddAsync(lab, "one", PortProtocol.Tcp);
        byte[] request = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: dialled\r\nConnection: close\r\n\r\n");
        Route(lab, dialled, isForAll: true, RouteTo(one));
        Assert.Equal("one", await AskAsync(lab, dialled, request));
        Assert.Equal("one", await HelloAsync(lab, dialled, "any.example.org"));
        Assert.Equal("one", await AskAsync(lab, dialled, s_neither));

        // Otherwise they are read, and go to the service that was dialled, which does not speak HTTP.
        Route(lab, dialled, RouteTo(one));
        Assert.StartsWith("HTTP/1.1 5", await AskAsync(lab, dialled, request), StringComparison.Ordinal);
        Assert.Equal("one", await AskAsync(lab, dialled, s_neither));
    }

    /// <summary>However busy the machine, what a connection says first is seen before it is taken for a silent one.</summary>
    private static Task<HttpLab> StartAsync(SameNodeMode mode) =>
        HttpLab.StartAsync(mode, new ProxyOptions { ProtocolDetectionTimeoutMs = 120_000 });

    private static async Task<(HttpService Service, LabPod Pod)> AddAsync(HttpLab lab, string name, PortProtocol protocol)
    {
        LabPod pod = await lab.Node.AddPodAsync(name);
        _ = TellAsync(pod.Listen(HttpLab.AppPort), name);
        return (lab.AddService(name, protocol, (pod, [])), pod);
    }

    private static SourceMatch Clients(params string[] uids) => new() { Workloads = uids.ToFrozenSet(StringComparer.Ordinal) };

    private static ConnectionRoute RouteTo(HttpService service, params ConnectionMatch[] matches) =>
        new($"to {service.Service.Name}", [.. matches], new WeightedDestinations([new WeightedDestination(service.Service.Key, 80, "", 1)]));

    private static ConnectionRoute Split(params (HttpService Service, uint Weight)[] destinations) => new(
        "split",
        [],
        new WeightedDestinations([.. destinations.Select(entry => new WeightedDestination(entry.Service.Service.Key, 80, "", entry.Weight))]));

    private static void Route(HttpLab lab, HttpService service, params ConnectionRoute[] routes) =>
        Route(lab, service, isForAll: false, routes);

    private static void Route(HttpLab lab, HttpService service, bool isForAll, params ConnectionRoute[] routes) =>
        lab.Node.Configure(mesh => mesh.SetTraffic(new ServiceTraffic(
            service.Service.Key,
            new TrafficScope(
                ImmutableDictionary<ushort, RouteTable>.Empty,
                PortPolicies.Default,
                ImmutableDictionary<string, TrafficSubset>.Empty,
                new Dictionary<ushort, ImmutableArray<ConnectionRoute>> { [80] = [.. routes] },
                isForAll ? [80] : null))));

    private static Task<string> HelloAsync(HttpLab lab, HttpService service, string? serverName) =>
        AskAsync(lab, service, ClientHelloInput.Whole(serverName));

    private static Task<string> SayAsync(HttpLab lab, HttpService service) => AskAsync(lab, service, Encoding.ASCII.GetBytes("who"));

    private static async Task<string> AskAsync(HttpLab lab, HttpService service, byte[] said) =>
        (await HttpLab.AskToEndAsync(lab.ConnectAsync(service), said)).Replace("<reset>", "", StringComparison.Ordinal);

    /// <summary>Says a name to whoever says anything.</summary>
    private static async Task TellAsync(Socket listener, string name)
    {
        while (true)
        {
            Socket accepted;
            try
            {
                accepted = await listener.AcceptAsync();
            }
            catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
            {
                return; // The test is over.
            }

            using (accepted)
            {
                try
                {
                    await accepted.ReceiveAsync(new byte[4_096]);
                    await accepted.SendAsync(Encoding.ASCII.GetBytes(name));
                    accepted.Shutdown(SocketShutdown.Send);
                    while (await accepted.ReceiveAsync(new byte[4_096]) > 0)
                    {
                    }
                }
                catch (SocketException)
                {
                    // It was reset, which concerns none but itself.
                }
            }
        }
    }
}
