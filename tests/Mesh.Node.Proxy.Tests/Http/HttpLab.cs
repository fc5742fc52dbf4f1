using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Tests.Paths;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>A node with a client's pod, and services of pods that speak HTTP.</summary>
internal sealed class HttpLab : IAsyncDisposable
{
    public const int AppPort = 8080;

    private readonly List<HttpClient> _clients = [];
    private int _services;

    private HttpLab(LabNode node, LabPod client)
    {
        Node = node;
        Client = client;
    }

    public LabNode Node { get; }

    public LabPod Client { get; }

    /// <param name="mode">Whether requests stay on the node, or cross the network as between two.</param>
    /// <param name="options">What the node is held to besides.</param>
    public static async Task<HttpLab> StartAsync(SameNodeMode mode = SameNodeMode.Direct, ProxyOptions? options = null)
    {
        options ??= new ProxyOptions();
        options.SameNode = mode;
        LabNode node = await LabNode.StartAsync(options);
        return new HttpLab(node, await node.AddPodAsync("client"));
    }

    /// <summary>A service whose port 80 speaks HTTP.</summary>
    /// <param name="name">Its name, in the namespace of the node's pods.</param>
    /// <param name="endpoints">The pods that serve it, with the keys of the subsets each is in.</param>
    public HttpService AddService(string name, params (LabPod Pod, string[] Subsets)[] endpoints) =>
        AddService(name, PortProtocol.Http, endpoints);

    /// <summary>A service whose port 80 declares a protocol, or none.</summary>
    public HttpService AddService(string name, PortProtocol protocol, params (LabPod Pod, string[] Subsets)[] endpoints)
    {
        var address = IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"10.96.0.{++_services}"));
        var service = new Service("shop", $"{name}.shop.svc.cluster.local")
        {
            Name = name,
            Addresses = [new NetworkPrefix("", IpPrefix.Parse($"{address}/32"))],
            Ports = [new ServicePort(80, AppPort, protocol)],
        };
        Node.Configure(mesh =>
        {
            mesh.SetService(service);
            foreach ((LabPod pod, string[] subsets) in endpoints)
            {
                Workload current = Node.Current.FindWorkload(pod.Workload.Uid) ?? pod.Workload;
                mesh.SetWorkload(current with
                {
                    Services =
                    [
                        .. current.Services,
                        new ServiceMembership(service.Key, [new ServicePort(80, AppPort, protocol)]) { Subsets = [.. subsets] },
                    ],
                });
            }
        });
        return new HttpService(service, address);
    }

    /// <summary>Says how requests to a service are routed.</summary>
    public void Route(HttpService service, params Route[] routes) => Route(service, [], routes);

    /// <summary>The same, for a service that has subsets.</summary>
    public void Route(HttpService service, ImmutableArray<TrafficSubset> subsets, params Route[] routes) =>
        Node.Configure(mesh => mesh.SetTraffic(new ServiceTraffic(
            service.Service.Key,
            new TrafficScope(
                new Dictionary<ushort, RouteTable> { [80] = RouteTable.Compile([.. routes]) },
                PortPolicies.Default,
                subsets.ToDictionary(subset => subset.Name)))));

    /// <summary>Says how requests to a service are carried, and where they go if anything.</summary>
    public void Carry(HttpService service, ConnectionLimits limits, params Route[] routes) =>
        Node.Configure(mesh => mesh.SetTraffic(new ServiceTraffic(
            service.Service.Key,
            new TrafficScope(
                routes.Length == 0
                    ? new Dictionary<ushort, RouteTable>()
                    : new Dictionary<ushort, RouteTable> { [80] = RouteTable.Compile([.. routes]) },
                new PortPolicies(TrafficPolicy.Default with { Limits = limits }),
                new Dictionary<string, TrafficSubset>()))));

    /// <summary>A client of .NET that connects from inside the client's pod.</summary>
    public HttpClient Http(HttpService service) => Http(service, Client);

    /// <summary>The same, from inside another pod.</summary>
    public HttpClient Http(HttpService service, LabPod from)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectCallback = async (context, _) => new NetworkStream(
                await from.ConnectAsync(service.Address, context.DnsEndPoint.Port), ownsSocket: true),
        };
        var client = new HttpClient(handler) { BaseAddress = new Uri($"http://{service.Service.Name}/"), Timeout = LabNode.Patience };
        _clients.Add(client);
        return client;
    }

    /// <summary>The same, and it speaks HTTP/2 from its first byte.</summary>
    public HttpClient Http2(HttpService service)
    {
        HttpClient client = Http(service);
        client.DefaultRequestVersion = HttpVersion.Version20;
        client.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        return client;
    }

    /// <summary>A connection from inside the client's pod, to say anything on.</summary>
    public Task<Socket> ConnectAsync(HttpService service) => Client.ConnectAsync(service.Address, 80);

    /// <summary>
    /// Connects, says something, and reads what comes until the other side ends or resets the connection, which it may do before that is
    /// said.
    /// </summary>
    public static async Task<string> AskToEndAsync(Task<Socket> connecting, byte[] said)
    {
        try
        {
            using Socket client = await connecting;
            await client.SendAsync(said);
            return await ReadToEndAsync(client);
        }
        catch (SocketException refused) when (refused.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            return "<reset>";
        }
    }

    /// <summary>Reads what comes until the other side ends or resets the connection.</summary>
    public static async Task<string> ReadToEndAsync(Socket socket)
    {
        using var limit = new CancellationTokenSource(LabNode.Patience);
        var text = new StringBuilder();
        byte[] part = new byte[16_384];
        try
        {
            while (await socket.ReceiveAsync(part, SocketFlags.None, limit.Token) is int bytes and > 0)
            {
                text.Append(Encoding.Latin1.GetString(part, 0, bytes));
            }
        }
        catch (SocketException reset) when (reset.SocketErrorCode == SocketError.ConnectionReset)
        {
            text.Append("<reset>");
        }

        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(client => client.Dispose());
        await Node.DisposeAsync();
    }
}

/// <summary>A service of the lab.</summary>
internal sealed record HttpService(Service Service, IPAddress Address);
