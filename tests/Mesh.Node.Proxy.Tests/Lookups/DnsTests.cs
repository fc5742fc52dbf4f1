using System.Collections.Frozen;
using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Model;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Succession;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Node.Proxy.Tests.Succession;
using Mesh.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static Mesh.Node.Proxy.Tests.Lookups.DnsMessages;

namespace Mesh.Node.Proxy.Tests.Lookups;

/// <summary>
/// Goal: a pod asks its own servers, and hears of names of the mesh besides. Method: a captured pod, a DNS server in a namespace beyond the
/// host, or none, and datagrams written by hand.
/// </summary>
public sealed class DnsTests
{
    /// <summary>Never reached: the test's server answers as soon as the machine lets it.</summary>
    private const int TimeoutMs = 120_000;

    private static readonly IPAddress s_nobody = IPAddress.Parse("10.8.0.53");
    private static readonly IPAddress s_known = IPAddress.Parse("192.0.2.7");

    [LabTheory]
    [InlineData("stock.shop.svc.cluster.local", A, 0, "10.96.0.7")]
    [InlineData("StOcK", A, 0, "10.96.0.7")]
    [InlineData("stock.shop", Aaaa, 0, "")]
    [InlineData("stock.shop", Https, 0, "")]
    [InlineData("api.example.com", A, 0, "240.240.0.9")]
    [InlineData("api.example.com", Aaaa, 0, "")]
    [InlineData("db.shop.svc", A, 0, "10.0.7.1 10.0.7.2")]
    public async Task A_name_of_the_mesh_is_answered_in_the_name_of_a_server_that_does_not_exist(string name, ushort type, int code, string addresses)
    {
        await using LabNode node = await StartAsync();
        LabPod pod = await node.AddPodAsync("client");
        using Socket client = Connect(pod, s_nobody);

        Assert.Equal((code, addresses), Read(await AskAsync(client, Query(name, type, 77))));
        Assert.Equal(1, Metric(node, "mesh_dns_answers_total"));
        Assert.Equal(0, Metric(node, "istio_dns_upstream_requests_total"));
    }

    [LabFact]
    public async Task Another_name_is_asked_of_the_server_from_the_pods_own_address_and_answered_as_it_says()
    {
        await using LabNode node = await StartAsync();
        LabPod pod = await node.AddPodAsync("client");
        LabPod server = await node.AddStrangerAsync("server");
        using Socket listening = Listen(server);
        using Socket client = Connect(pod, server.Address);
        byte[] query = Query("WwW.example.net", A, 77);

        Task<byte[]> asked = AskAsync(client, query);
        (byte[] forwarded, IPEndPoint from) = await ReceiveAsync(listening);
        Assert.Equal(pod.Address, from.Address);
        Assert.NotEqual(((IPEndPoint)client.LocalEndPoint!).Port, from.Port);
        Assert.Equal(query[2..], forwarded[2..]);

        // What answers nothing is not passed on: another identifier, another question.
        byte[] answer = AnswerTo(forwarded, s_known);
        await SendAsync(listening, With(answer, 0, (byte)(answer[0] ^ 1)), from);
        await SendAsync(listening, With(answer, 13, (byte)'x'), from);
        await SendAsync(listening, answer, from);
        byte[] heard = await asked;
        Assert.Equal([query[0], query[1], .. answer[2..]], heard);
        Assert.Equal(2, Metric(node, "mesh_dns_stray_answers_total"));
        Assert.Equal(0, Metric(node, "istio_dns_upstream_failures_total"));
    }

    [LabFact]
    public async Task What_is_beyond_the_limit_is_not_asked_and_an_answer_makes_room()
    {
        await using LabNode node = await StartAsync(new ProxyOptions { PodDnsQueriesMax = 1, DnsTimeoutMs = TimeoutMs });
        LabPod pod = await node.AddPodAsync("client");
        LabPod server = await node.AddStrangerAsync("server");
        using Socket listening = Listen(server);
        using Socket client = Connect(pod, server.Address);

        await client.SendAsync(Query("a.example.net", A, 1));
        Task<byte[]> asked = AskAsync(client, Query("b.example.net", A, 2));
        await Eventually.TrueAsync(() => Metric(node, "istio_dns_upstream_failures_total", "limit") == 1, LabNode.Patience);
        (byte[] first, IPEndPoint from) = await ReceiveAsync(listening);
        await SendAsync(listening, AnswerTo(first, s_known), from);
        Assert.Equal(1, (await asked)[1]);

        // The place is free again; the next thing the client hears is the answer to its third query.
        asked = AskAsync(client, Query("c.example.net", A, 3));
        (byte[] third, from) = await ReceiveAsync(listening);
        await SendAsync(listening, AnswerTo(third, s_known), from);
        Assert.Equal(3, (await asked)[1]);
    }

    [LabFact]
    public async Task A_silent_server_stays_silent_and_is_given_up()
    {
        await using LabNode node = await StartAsync(new ProxyOptions { PodDnsQueriesMax = 1, DnsTimeoutMs = 100 });
        LabPod pod = await node.AddPodAsync("client");
        LabPod server = await node.AddStrangerAsync("server");
        using Socket listening = Listen(server);
        using Socket client = Connect(pod, server.Address);

        // One has the only place until it is given up.
        for (ushort id = 1; id <= 2; id++)
        {
            await client.SendAsync(Query("a.example.net", A, id));
            await Eventually.TrueAsync(() => Metric(node, "istio_dns_upstream_failures_total", "timeout") == id, LabNode.Patience);
        }

        Assert.Equal(0, client.Available);
    }

    [LabFact]
    public async Task An_answer_that_cannot_be_sent_because_the_pod_has_a_server_itself_is_counted()
    {
        await using LabNode node = await StartAsync();
        LabPod pod = await node.AddPodAsync("client");
        using Socket own = Open(pod.Network.Network);
        own.Bind(new IPEndPoint(IPAddress.Any, 53));
        using Socket client = Connect(pod, s_nobody);

        await client.SendAsync(Query("stock.shop", A, 1));
        await Eventually.TrueAsync(() => Metric(node, "istio_dns_upstream_failures_total", "unanswerable") == 1, LabNode.Patience);
        Assert.Equal(0, own.Available + client.Available);
    }

    [LabFact]
    public async Task A_server_that_refuses_is_told_as_a_failure_at_once()
    {
        await using LabNode node = await StartAsync();
        LabPod pod = await node.AddPodAsync("client");
        LabPod server = await node.AddStrangerAsync("server");
        using Socket client = Connect(pod, server.Address);

        Assert.Equal((2, ""), Read(await AskAsync(client, Query("www.example.net", A, 77))));
        Assert.Equal(1, Metric(node, "istio_dns_upstream_failures_total", "unreachable"));
    }

    [LabFact]
    public async Task Nothing_is_ours_before_the_mesh_is_known()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { DnsTimeoutMs = TimeoutMs });
        LabPod pod = await node.AddPodAsync("client");
        LabPod server = await node.AddStrangerAsync("server");
        using Socket listening = Listen(server);
        using Socket client = Connect(pod, server.Address);

        Task<byte[]> asked = AskAsync(client, Query("stock.shop", A, 77));
        (byte[] forwarded, IPEndPoint from) = await ReceiveAsync(listening);
        await SendAsync(listening, AnswerTo(forwarded, s_known), from);
        Assert.Equal((0, "192.0.2.7"), Read(await asked));
    }

    [LabFact]
    public async Task What_dials_the_proxys_port_itself_is_not_served()
    {
        await using LabNode node = await StartAsync();
        LabPod pod = await node.AddPodAsync("client");
        LabPod stranger = await node.AddStrangerAsync("stranger");
        using Socket inside = Connect(pod, IPAddress.Loopback, 15053);
        using Socket outside = Connect(stranger, pod.Address, 15053);

        await inside.SendAsync(Query("stock.shop", A, 1));
        await outside.SendAsync(Query("www.example.net", A, 2));
        await Eventually.TrueAsync(() => Metric(node, "mesh_dns_refused_total", "not_captured") == 2, LabNode.Patience);
        Assert.Equal(0, inside.Available + outside.Available);
        Assert.Equal(0, Metric(node, "istio_dns_requests_total"));
        SocketException reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket dialled = await pod.ConnectAsync(IPAddress.Loopback, 15053);
            await LabPod.ReadAsync(dialled, 1);
        });
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        await node.WaitForLineAsync("CapturePortRefused");
    }

    [LabFact]
    public async Task What_cannot_be_read_is_told_so()
    {
        await using LabNode node = await StartAsync();
        LabPod pod = await node.AddPodAsync("client");
        using Socket client = Connect(pod, s_nobody);

        byte[] query = Query("stock.shop", A, 77);
        byte[] answer = await AskAsync(client, query[..^5]);
        Assert.Equal([query[0], query[1], 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0], answer);
        Assert.Equal(1, Metric(node, "mesh_dns_refused_total", "malformed"));
    }

    [LabFact]
    public async Task Over_TCP_names_of_the_mesh_are_answered_and_the_first_other_one_goes_on_with_all_that_follows()
    {
        await using LabNode node = await StartAsync();
        LabPod pod = await node.AddPodAsync("client");
        LabPod server = await node.AddStrangerAsync("server");
        using Socket listening = server.Listen(53);
        using Socket client = await pod.ConnectAsync(server.Address, 53);
        byte[] other = Framed(Query("www.example.net", A, 2));

        // The other one is cut in two, and what follows it is the server's, whatever it is about.
        byte[] last = Framed(Query("stock.shop", A, 3));
        await client.SendAsync((byte[])[.. Framed(Query("stock.shop", A, 1)), .. other[..9]]);
        Assert.Equal((0, "10.96.0.7"), Read(await ReadFramedAsync(client)));
        await client.SendAsync((byte[])[.. other[9..], .. last]);

        using Socket accepted = await AcceptAsync(listening);
        Assert.Equal(other[2..], await ReadFramedAsync(accepted));
        Assert.Equal(last[2..], await ReadFramedAsync(accepted));
        await accepted.SendAsync(Framed(AnswerTo(other[2..], s_known)));
        Assert.Equal((0, "192.0.2.7"), Read(await ReadFramedAsync(client)));
        Assert.Equal(1, node.OpenedTotal(ConnectionPath.Passthrough) + node.OpenedTotal(ConnectionPath.Outbound));
    }

    [LabFact]
    public async Task Over_TCP_a_client_that_has_asked_all_is_closed_in_order()
    {
        await using LabNode node = await StartAsync();
        LabPod pod = await node.AddPodAsync("client");
        using Socket client = await pod.ConnectAsync(s_nobody, 53);

        await client.SendAsync(Framed(Query("api.example.com", A, 1)));
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal((0, "240.240.0.9"), Read(await ReadFramedAsync(client)));
        Assert.Equal(0, await client.ReceiveAsync(new byte[1]).WaitAsync(LabNode.Patience));
        await node.WaitForLineAsync("Completed");
    }

    [LabFact]
    public async Task The_next_proxy_goes_on_where_this_one_ends()
    {
        await using LabNode node = await StartAsync();
        LabPod pod = await node.AddPodAsync("client");
        Assert.Null(await LabNode.TakeOverAsync(node.CreateProxy(new ProxyOptions()), pod));
        await node.Proxy.RemoveAsync(pod.Workload.Name, CancellationToken.None);

        for (ushort id = 0; id < 20; id++)
        {
            using Socket client = Connect(pod, s_nobody);
            Assert.Equal((0, "10.96.0.7"), Read(await AskAsync(client, Query("stock.shop", A, id))));
        }
    }

    [LabFact]
    public async Task A_next_proxy_leaves_DNS_to_this_one_until_it_knows_the_mesh()
    {
        await using LabNode node = await StartAsync();
        LabPod pod = await node.AddPodAsync("client");
        string path = Path.Combine(Path.GetTempPath(), $"mesh-listeners-{Guid.NewGuid():N}");
        using var giver = new ListenerGiver(path, node.Proxy.ListenersOf, new LentPorts(), NullLogger.Instance);
        using var taker = new ListenerTaker(path, NullLogger.Instance);
        await Eventually.TrueAsync(() => File.Exists(path), LabNode.Patience);
        var known = new GivenConfiguration();
        NodeProxy next = node.CreateProxy(new ProxyOptions { DnsTimeoutMs = TimeoutMs }, new Insisting(taker), known);
        Assert.Null(await LabNode.TakeOverAsync(next, pod));

        await AskForStockAsync();
        Assert.False(next.HearsDns);

        known.Set(node.Current);
        await Eventually.TrueAsync(() => next.HearsDns, LabNode.Patience);
        await node.Proxy.RemoveAsync(pod.Workload.Name, CancellationToken.None);
        await AskForStockAsync();
        File.Delete(path);

        async Task AskForStockAsync()
        {
            for (ushort id = 0; id < 20; id++)
            {
                using Socket client = Connect(pod, s_nobody);
                Assert.Equal((0, "10.96.0.7"), Read(await AskAsync(client, Query("stock.shop", A, id))));
                using Socket stream = await pod.ConnectAsync(s_nobody, 53);
                await stream.SendAsync(Framed(Query("stock.shop", A, id)));
                Assert.Equal((0, "10.96.0.7"), Read(await ReadFramedAsync(stream)));
            }
        }
    }

    private static async Task<LabNode> StartAsync(ProxyOptions? options = null)
    {
        LabNode node = await LabNode.StartAsync(options ?? new ProxyOptions { DnsTimeoutMs = TimeoutMs });
        var headless = new Service("shop", "db.shop.svc.cluster.local") { Name = "db" };
        node.Configure(builder =>
        {
            builder.SetService(WithAddresses("stock.shop.svc.cluster.local", "10.96.0.7"));
            builder.SetService(WithAddresses("api.example.com", "240.240.0.9", "2001:2::9"));
            builder.SetService(headless);
            foreach (string address in (string[])["10.0.7.1", "10.0.7.2"])
            {
                builder.SetWorkload(new Workload
                {
                    Uid = address,
                    Name = address,
                    Namespace = "shop",
                    Identity = Mesh.Api.Identity.SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/db"),
                    Addresses = [IPAddress.Parse(address)],
                    Services = [new ServiceMembership(headless.Key, [])],
                });
            }
        });
        return node;
    }

    private static Service WithAddresses(string hostname, params string[] addresses) => new("shop", hostname)
    {
        Name = "service",
        Addresses = [.. addresses.Select(address => new NetworkPrefix("", IpPrefix.Parse(address)))],
    };

    private static double Metric(LabNode node, string name, string? reason = null) => node.Metrics.Families
        .Single(family => family.Name == name).Collect()
        .Where(sample => reason is null || Enumerable.Range(0, sample.Labels.Count).Any(i => sample.Labels[i].Value == reason))
        .Sum(sample => sample.Value);

    private static Socket Connect(LabPod pod, IPAddress server, int port = 53)
    {
        Socket socket = Open(pod.Network.Network);
        socket.Connect(server, port);
        return socket;
    }

    private static Socket Listen(LabPod server)
    {
        Socket socket = Open(server.Network.Network);
        socket.Bind(new IPEndPoint(server.Address, 53));
        return socket;
    }

    private static Socket Open(NetNamespace network) =>
        network.Run(0, static _ => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));

    private static async Task<byte[]> AskAsync(Socket client, byte[] query)
    {
        byte[] answer = new byte[4_096];
        await client.SendAsync(query);
        return answer[..await client.ReceiveAsync(answer).WaitAsync(LabNode.Patience)];
    }

    private static async Task<(byte[] Message, IPEndPoint From)> ReceiveAsync(Socket server)
    {
        byte[] message = new byte[4_096];
        SocketReceiveFromResult received = await server
            .ReceiveFromAsync(message, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0))
            .WaitAsync(LabNode.Patience);
        return (message[..received.ReceivedBytes], (IPEndPoint)received.RemoteEndPoint);
    }

    private static byte[] With(byte[] message, int offset, byte value)
    {
        byte[] changed = [.. message];
        changed[offset] = value;
        return changed;
    }

    private static Task<int> SendAsync(Socket server, byte[] message, IPEndPoint to) => server.SendToAsync(message, SocketFlags.None, to);

    private static Task<Socket> AcceptAsync(Socket listening) => listening.AcceptAsync().WaitAsync(LabNode.Patience);

    private static async Task<byte[]> ReadFramedAsync(Socket socket)
    {
        byte[] length = await ReadAsync(socket, 2);
        return await ReadAsync(socket, (length[0] << 8) | length[1]);
    }

    private static async Task<byte[]> ReadAsync(Socket socket, int bytes)
    {
        byte[] read = new byte[bytes];
        for (int count = 0; count < bytes;)
        {
            int part = await socket.ReceiveAsync(read.AsMemory(count)).AsTask().WaitAsync(LabNode.Patience);
            Assert.NotEqual(0, part);
            count += part;
        }

        return read;
    }

    /// <summary>Knows nothing until it is told.</summary>
    private sealed class GivenConfiguration : IConfigurationReader
    {
        private volatile MeshSnapshot _current = MeshSnapshot.Empty;

        public event Action<ConfigurationChange>? Changed;

        public MeshSnapshot Current => _current;

        public void Set(MeshSnapshot snapshot)
        {
            MeshSnapshot previous = _current;
            _current = snapshot;
            Changed?.Invoke(new ConfigurationChange(
                previous, snapshot, FrozenSet<string>.Empty, FrozenSet<string>.Empty, FrozenSet<string>.Empty, FrozenSet<string>.Empty));
        }
    }
}
