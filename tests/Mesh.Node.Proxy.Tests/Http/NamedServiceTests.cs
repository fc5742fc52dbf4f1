using System.Collections.Immutable;
using System.Net.Sockets;
using System.Text;
using Mesh.Fuzz.Targets;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: what leaves the mesh goes where its host, its server name or its port leads, and where none of them does, on as it was dialled, or
/// nowhere. Method: a pod, and strangers of which the mesh knows nothing but what entries say.
/// </summary>
public sealed class NamedServiceTests
{
    private const int Port = 8_000;

    [LabFact]
    public async Task A_request_for_nobody_goes_where_it_was_sent()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        await using HttpApp app = await HttpApp.StartAsync(stranger, Port, context => context.Response.WriteAsync("stranger"));
        AddEntry(lab, "known.example.org", PortProtocol.Http, ServiceReach.Names);
        Assert.Contains("stranger", await AskAsync(lab, stranger, "unknown.example.org", "/passed"), StringComparison.Ordinal);
        Assert.Equal(["GET /passed unknown.example.org"], app.Requests);
        await lab.Node.WaitForLineAsync("GET /passed HTTP/1.1", "PassthroughCluster", "allow_any");
    }

    [LabFact]
    public async Task A_host_leads_each_request_to_its_own_service()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod dialled = await lab.Node.AddStrangerAsync("dialled");
        LabPod other = await lab.Node.AddStrangerAsync("other");
        await using HttpApp first = await HttpApp.StartAsync(dialled, Port, context => context.Response.WriteAsync("dialled"));
        await using HttpApp second = await HttpApp.StartAsync(other, Port, context => context.Response.WriteAsync("other"));
        AddEntry(lab, "here.example.org", PortProtocol.Http, ServiceReach.Names);
        AddEntry(lab, "*.example.org", PortProtocol.Http, ServiceReach.Names, (other, []));
        Service routed = AddEntry(lab, "routed.example.org", PortProtocol.Http, ServiceReach.Names);
        lab.Node.Configure(mesh => mesh.SetTraffic(new ServiceTraffic(
            routed.Key,
            new TrafficScope(
                new Dictionary<ushort, RouteTable>
                {
                    [Port] = RouteTable.Compile([new Route("shop/fixed", [], new DirectResponseAction(418, []))]),
                },
                PortPolicies.Default,
                ImmutableDictionary<string, TrafficSubset>.Empty))));

        // All on one connection.
        using Socket client = await lab.Client.ConnectAsync(dialled.Address, Port);
        Assert.EndsWith("dialled", await AskAsync(client, "here.example.org", "/1", "dialled".Length), StringComparison.Ordinal);
        Assert.EndsWith("other", await AskAsync(client, "deep.ly.EXAMPLE.org:8000", "/2", "other".Length), StringComparison.Ordinal);
        Assert.Contains("418", await AskAsync(client, "routed.example.org", "/3", 0), StringComparison.Ordinal);
        Assert.EndsWith("dialled", await AskAsync(client, "example.org", "/4", "dialled".Length), StringComparison.Ordinal);
        Assert.Equal(["GET /1 here.example.org", "GET /4 example.org"], first.Requests);
        Assert.Equal(["GET /2 deep.ly.EXAMPLE.org:8000"], second.Requests);
        await lab.Node.WaitForLineAsync("GET /2 HTTP/1.1", "outbound|8000||*.example.org");
    }

    [LabFact]
    public async Task Who_may_go_only_to_what_is_known_is_answered_502_elsewhere()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        await using HttpApp app = await HttpApp.StartAsync(stranger, Port, context => context.Response.WriteAsync("stranger"));
        lab.Node.Configure(mesh => mesh.SetWorkload(lab.Client.Workload with { IsRegistryOnly = true }));
        Assert.StartsWith("HTTP/1.1 502 ", await AskAsync(lab, stranger, "unknown.example.org", "/early"), StringComparison.Ordinal);
        AddEntry(lab, "known.example.org", PortProtocol.Http, ServiceReach.Names);
        Assert.StartsWith("HTTP/1.1 502 ", await AskAsync(lab, stranger, "unknown.example.org", "/blocked"), StringComparison.Ordinal);
        Assert.Contains("stranger", await AskAsync(lab, stranger, "known.example.org", "/known"), StringComparison.Ordinal);
        Assert.Equal(["GET /known known.example.org"], app.Requests);
        await lab.Node.WaitForLineAsync("GET /early HTTP/1.1", "502", "BlackHoleCluster", "block_all", "direct_response");
        await lab.Node.WaitForLineAsync("GET /blocked HTTP/1.1", "502", "BlackHoleCluster", "block_all");

        // What is known by its address may be reached whatever is asked for.
        LabPod server = await lab.Node.AddPodAsync("server");
        await using HttpApp inside = await HttpApp.StartAsync(server, HttpLab.AppPort, context => context.Response.WriteAsync("inside"));
        HttpService service = lab.AddService("server", (server, []));
        Assert.Equal("inside", await lab.Http(service).GetStringAsync("/"));
    }

    [LabFact]
    public async Task Who_may_go_only_to_what_is_known_is_closed_elsewhere_where_it_asks_no_request()
    {
        await using HttpLab lab = await HttpLab.StartAsync(options: new ProxyOptions { ProtocolDetectionTimeoutMs = 200 });
        LabPod stranger = await lab.Node.AddStrangerAsync("stranger");
        stranger.Echo(Port);
        lab.Node.Configure(mesh => mesh.SetWorkload(lab.Client.Workload with { IsRegistryOnly = true }));
        foreach (string said in (string[])["", "SET key 1\r\n"])
        {
            Task<Socket> connecting = lab.Client.ConnectAsync(stranger.Address, Port);
            Assert.Equal("<reset>", await HttpLab.AskToEndAsync(connecting, Encoding.ASCII.GetBytes(said)));
        }

        await Eventually.TrueAsync(
            () => lab.Node.ClosedTotal(ConnectionPath.Blocked, CloseReason.NotInRegistry) == 2, LabNode.Patience, "both are counted");
        AddEntry(lab, "tcp.example.org", PortProtocol.Tcp, ServiceReach.Port);
        using Socket known = await lab.Client.ConnectAsync(stranger.Address, Port);
        Assert.Equal("SET key 1\r\n", await LabPod.AskAsync(known, "SET key 1\r\n"));
    }

    [LabFact]
    public async Task A_server_name_leads_to_its_service_and_what_is_neither_to_that_of_the_port()
    {
        // Each client says hello: there is nothing to be given up.
        await using HttpLab lab = await HttpLab.StartAsync(options: new ProxyOptions { ProtocolDetectionTimeoutMs = 120_000 });
        LabPod dialled = await lab.Node.AddStrangerAsync("dialled");
        LabPod named = await lab.Node.AddStrangerAsync("named");
        LabPod others = await lab.Node.AddStrangerAsync("others");
        foreach (LabPod pod in (LabPod[])[dialled, named, others])
        {
            // Whoever gets the hello says who it is.
            _ = SayAsync(pod.Listen(Port), pod.Workload.Name);
        }

        AddEntry(lab, "tls.example.org", PortProtocol.Tls, ServiceReach.Names, (named, []));
        Assert.Equal("named", await HelloAsync(lab, dialled, "tls.example.org"));
        Assert.Equal("dialled", await HelloAsync(lab, dialled, "else.example.org"));
        AddEntry(lab, "tcp.example.org", PortProtocol.Tcp, ServiceReach.Port, (others, []));
        Assert.Equal("named", await HelloAsync(lab, dialled, "tls.example.org"));
        Assert.Equal("others", await HelloAsync(lab, dialled, "else.example.org"));
        lab.Node.Configure(mesh => mesh.SetWorkload(lab.Client.Workload with { IsRegistryOnly = true }));
        Assert.Equal("named", await HelloAsync(lab, dialled, "tls.example.org"));
        lab.Node.Configure(mesh => mesh.RemoveService("shop/tcp.example.org"));
        Assert.Equal("", await HelloAsync(lab, dialled, "else.example.org"));
    }

    [LabFact]
    public async Task An_endpoint_known_by_name_is_every_address_that_the_name_has()
    {
        await using HttpLab lab = await HttpLab.StartAsync(options: new ProxyOptions { NameRefreshMs = 20 });
        LabPod one = await lab.Node.AddStrangerAsync("one");
        LabPod two = await lab.Node.AddStrangerAsync("two");
        await using HttpApp first = await HttpApp.StartAsync(one, Port, context => context.Response.WriteAsync("one"));
        await using HttpApp second = await HttpApp.StartAsync(two, Port, context => context.Response.WriteAsync("two"));
        Service service = AddEntry(lab, "api.example.org", PortProtocol.Http, ServiceReach.Names) with { LoadBalancing = LoadBalancing.Default };
        lab.Node.Configure(mesh =>
        {
            mesh.SetService(service);
            mesh.SetWorkload(one.Workload with
            {
                Uid = "Kubernetes/networking.istio.io/ServiceEntry/shop/api/api.example.org",
                Node = "",
                TunnelProtocol = TunnelProtocol.None,
                Addresses = [],
                Hostname = "api.example.org",
                Services = [new ServiceMembership(service.Key, [])],
            });
        });
        Assert.StartsWith("HTTP/1.1 503 ", await AskAsync(lab, one, "api.example.org", "/early"), StringComparison.Ordinal);
        await lab.Node.WaitForLineAsync("GET /early HTTP/1.1", " DF ", "dns_resolution_failure");

        lab.Node.Names.Say("api.example.org", $"{one.Address}", $"{two.Address}");
        await Eventually.TrueAsync(
            async () =>
            {
                await AskAsync(lab, one, "api.example.org", "/both");
                return first.Requests.Count > 0 && second.Requests.Count > 0;
            },
            LabNode.Patience);

        // What the name no longer has is left, and what nobody can say stays.
        lab.Node.Names.Say("api.example.org", $"{two.Address}");
        await Eventually.TrueAsync(() => IsLeftAsync(lab, one), LabNode.Patience);
        lab.Node.Names.Say("api.example.org");
        Assert.Contains("two", await AskAsync(lab, one, "api.example.org", "/kept"), StringComparison.Ordinal);
    }

    /// <summary>
    /// Whether the first address of the name is chosen no more. While it is still among two it is drawn half of the time, so that as many requests
    /// that all miss it are no accident.
    /// </summary>
    private static async Task<bool> IsLeftAsync(HttpLab lab, LabPod at)
    {
        for (int i = 0; i < 40; i++)
        {
            if (!(await AskAsync(lab, at, "api.example.org", "/moved")).Contains("two", StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>An entry; without endpoints, what is for it goes to where it was sent.</summary>
    private static Service AddEntry(
        HttpLab lab, string host, PortProtocol protocol, ServiceReach reach, params (LabPod Pod, string[] Subsets)[] endpoints)
    {
        var service = new Service("shop", host)
        {
            Name = host,
            Reach = reach,
            Ports = [new ServicePort(Port, Port, protocol)],
            LoadBalancing = endpoints.Length == 0
                ? new LoadBalancing([], LoadBalancingMode.Passthrough, AllowsUnhealthy: true)
                : LoadBalancing.Default,
        };
        lab.Node.Configure(mesh =>
        {
            mesh.SetService(service);
            foreach ((LabPod pod, string[] _) in endpoints)
            {
                mesh.SetWorkload(pod.Workload with
                {
                    Uid = $"Kubernetes/networking.istio.io/ServiceEntry/shop/{host}/{pod.Address}",
                    Node = "",
                    TunnelProtocol = TunnelProtocol.None,
                    Services = [new ServiceMembership(service.Key, [])],
                });
            }
        });
        return service;
    }

    private static async Task<string> AskAsync(HttpLab lab, LabPod at, string host, string path)
    {
        using Socket client = await lab.Client.ConnectAsync(at.Address, Port);
        await client.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"));
        return await HttpLab.ReadToEndAsync(client);
    }

    /// <summary>A request on a connection that goes on: its head and so many bytes of content.</summary>
    private static async Task<string> AskAsync(Socket client, string host, string path, int contentBytes)
    {
        await client.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        var text = new StringBuilder();
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            string next = await LabPod.ReadAsync(client, 1);
            Assert.NotEmpty(next);
            text.Append(next);
        }

        // What is chunked has the length before it and a last chunk behind.
        bool isChunked = text.ToString().Contains("chunked", StringComparison.OrdinalIgnoreCase);
        string content = await LabPod.ReadAsync(client, contentBytes + (isChunked ? "N\r\n".Length : 0));
        if (isChunked)
        {
            await LabPod.ReadAsync(client, "\r\n0\r\n\r\n".Length);
        }

        return text.Append(content).ToString();
    }

    private static async Task SayAsync(Socket listener, string text)
    {
        try
        {
            while (true)
            {
                using Socket accepted = await listener.AcceptAsync();
                await accepted.ReceiveAsync(new byte[1]);
                await accepted.SendAsync(Encoding.ASCII.GetBytes(text));
                accepted.Shutdown(SocketShutdown.Send);
                while (await accepted.ReceiveAsync(new byte[4_096]) > 0)
                {
                }
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    /// <summary>What is said to a TLS client that asks for a host; empty where it is closed.</summary>
    private static async Task<string> HelloAsync(HttpLab lab, LabPod at, string serverName)
    {
        string said = await HttpLab.AskToEndAsync(lab.Client.ConnectAsync(at.Address, Port), ClientHelloInput.Whole(serverName));
        return said.Replace("<reset>", "", StringComparison.Ordinal);
    }
}
