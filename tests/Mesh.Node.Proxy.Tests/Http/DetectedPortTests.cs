using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Fuzz.Targets;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: a port that declares nothing is read as what its clients speak, and nothing escapes by speaking otherwise. Method: clients and
/// servers that say anything, on the same node and over the network.
/// </summary>
public sealed class DetectedPortTests
{
    private const int BannerPort = 2_525;

    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Requests_of_a_port_that_declares_nothing_are_routed_and_judged(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        HttpService service = lab.AddService("server", PortProtocol.Detect, (pod, []));
        lab.Route(
            service,
            new Route("shop/fixed", [new RouteMatch { Path = PathMatch.Exact("/fixed") }], new DirectResponseAction(418, [])),
            new Route("shop/all", [], new ForwardAction(new WeightedDestinations(
                [new WeightedDestination(service.Service.Key, 80, "", 1)]))));
        lab.Node.Configure(mesh => mesh.SetPolicy(AllowGets()));
        HttpClient http = lab.Http(service);
        using (HttpResponseMessage routed = await http.GetAsync("/fixed"))
        {
            Assert.Equal(418, (int)routed.StatusCode);
        }

        Assert.Equal("ok", await http.GetStringAsync("/"));
        using (HttpResponseMessage denied = await http.PostAsync("/", null))
        {
            Assert.Equal(HttpStatusCode.Forbidden, denied.StatusCode);
        }

        Assert.Equal(["GET / server"], app.Requests);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task What_is_no_request_passes_as_bytes_at_once(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode, new ProxyOptions { ProtocolDetectionTimeoutMs = 120_000 });
        LabPod pod = await lab.Node.AddPodAsync("server");
        pod.Echo(HttpLab.AppPort);
        HttpService service = lab.AddService("server", PortProtocol.Detect, (pod, []));
        using Socket client = await lab.ConnectAsync(service);
        Assert.Equal("SET key 1\r\n", await LabPod.AskAsync(client, "SET key 1\r\n"));
        Assert.Equal("get / and more", await LabPod.AskAsync(client, "get / and more"));
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_server_that_speaks_first_is_waited_for_once_and_by_one_side(SameNodeMode mode)
    {
        const int LimitMs = 5_000;
        await using HttpLab lab = await HttpLab.StartAsync(mode, new ProxyOptions { ProtocolDetectionTimeoutMs = LimitMs });
        LabPod pod = await lab.Node.AddPodAsync("server");
        Greet(pod.Listen(HttpLab.AppPort));
        HttpService service = lab.AddService("server", PortProtocol.Detect, (pod, []));
        Assert.InRange(await GreetedAfterMsAsync(lab, service), LimitMs - 100, (2 * LimitMs) - 500);
        Assert.InRange(await GreetedAfterMsAsync(lab, service), 0, LimitMs - 500);
        Assert.InRange(await GreetedAfterMsAsync(lab, service), 0, LimitMs - 500);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_port_whose_server_no_longer_speaks_first_is_read_again(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode, new ProxyOptions { ProtocolDetectionTimeoutMs = 500 });
        LabPod pod = await lab.Node.AddPodAsync("server");
        HttpService service = lab.AddService("server", PortProtocol.Detect, (pod, []));
        using (Socket listener = pod.Listen(HttpLab.AppPort))
        {
            Greet(listener);
            await GreetedAfterMsAsync(lab, service);
        }

        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));

        // Its client is not waited for, and so it may be carried as bytes.
        using Socket misread = await lab.ConnectAsync(service);
        Assert.Contains("ok", await AskForAsync(misread, "/misread"), StringComparison.Ordinal);
        using Socket read = await lab.ConnectAsync(service);
        Assert.Contains("ok", await AskForAsync(read, "/read"), StringComparison.Ordinal);
        await lab.Node.WaitForLineAsync("GET /read HTTP/1.1", "200");
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Where_policy_asks_of_requests_nothing_else_gets_through(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode, new ProxyOptions { ProtocolDetectionTimeoutMs = 500 });
        LabPod pod = await lab.Node.AddPodAsync("server");
        pod.Echo(HttpLab.AppPort);
        HttpService service = lab.AddService("server", PortProtocol.Detect, (pod, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(AllowGets()));
        foreach (string said in (string[])["", "G", "SET key 1\r\n"])
        {
            using Socket client = await lab.ConnectAsync(service);
            await client.SendAsync(Encoding.ASCII.GetBytes(said));
            Assert.Equal("<reset>", await HttpLab.ReadToEndAsync(client));
        }

        // A hint that the server speaks first would not help either: a client that asks is still read.
        using Socket asking = await lab.ConnectAsync(service);
        Assert.StartsWith("HTTP/1.1 ", await AskForAsync(asking, "/"), StringComparison.Ordinal);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task The_name_that_TLS_asks_for_is_judged_and_logged(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        pod.Echo(HttpLab.AppPort);
        HttpService undeclared = lab.AddService("undeclared", PortProtocol.Detect, (pod, []));
        LabPod other = await lab.Node.AddPodAsync("other");
        other.Echo(HttpLab.AppPort);
        HttpService declared = lab.AddService("declared", PortProtocol.Tls, (other, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(new AuthorizationPolicy("shop", "stock")
        {
            Action = PolicyAction.Allow,
            Scope = PolicyScope.Namespace,
            Rules =
            [
                new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch { ServerNames = [TextMatch.Exact("stock.test")] }])]),
            ],
        }));
        foreach (HttpService service in (HttpService[])[undeclared, declared])
        {
            Assert.Equal("carried", await SayHelloAsync("Stock.Test", service));
            Assert.Equal("<reset>", await SayHelloAsync("else.test", service));
            Assert.Equal("<reset>", await SayHelloAsync(null, service));
        }

        await lab.Node.WaitForLineAsync("requested_server_name=\"stock.test\"", "close_reason=");

        async Task<string> SayHelloAsync(string? name, HttpService service)
        {
            using Socket client = await lab.ConnectAsync(service);
            byte[] hello = ClientHelloInput.Whole(name);
            await client.SendAsync(hello);
            client.Shutdown(SocketShutdown.Send);
            string answer = await HttpLab.ReadToEndAsync(client);
            return answer == Encoding.Latin1.GetString(hello) ? "carried" : answer;
        }
    }

    [LabTheory]
    [InlineData(PortProtocol.Grpc)]
    [InlineData(PortProtocol.Detect)]
    public async Task A_server_of_HTTP2_that_speaks_first_does_not_end_the_look(PortProtocol protocol)
    {
        // The client's proxy knows no service at the pod's own address, so it is the server's that looks.
        await using HttpLab lab = await HttpLab.StartAsync(SameNodeMode.Network, new ProxyOptions { ProtocolDetectionTimeoutMs = 120_000 });
        LabPod pod = await lab.Node.AddPodAsync("server");
        using Socket listener = pod.Listen(HttpLab.AppPort);
        lab.AddService("server", protocol, (pod, []));
        Task<string> served = SettleThenReadAsync(listener);
        using Socket client = await LabPod.ConnectAsync(lab.Client.Network.Network, pod.Address, HttpLab.AppPort);
        byte[] settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];

        // The client begins late: the server's words have come long before.
        await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, TestContext.Current.CancellationToken);
        await client.SendAsync((byte[])[.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. settings, .. GetRoot()]);
        Assert.StartsWith("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", await served, StringComparison.Ordinal);

        // What speaks to the client is the proxy, which counts the request once it ends.
        client.Dispose();
        await lab.Node.WaitForLineAsync("GET / HTTP/2");

        // A request without a body, by static entries of HPACK: GET, http, /, and the authority "s".
        static byte[] GetRoot() => [0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x01, 0x01, (byte)'s'];
    }

    /// <summary>A server that sends its settings as it accepts, and what came to it until its client ended.</summary>
    private static async Task<string> SettleThenReadAsync(Socket listener)
    {
        using Socket client = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        await client.SendAsync((byte[])[0, 0, 0, 4, 0, 0, 0, 0, 0]);
        return await LabPod.ReadAsync(client, 24);
    }

    [LabFact]
    public async Task Plaintext_of_a_port_that_declares_nothing_is_judged_by_what_it_is()
    {
        await using HttpLab lab = await HttpLab.StartAsync(options: new ProxyOptions { ProtocolDetectionTimeoutMs = 500 });
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        Greet(pod.Listen(BannerPort));
        using (Socket greeted = await LabPod.ConnectAsync(lab.Node.Host.Network, pod.Address, BannerPort))
        {
            Assert.Equal("220 ready\r\n", await LabPod.ReadAsync(greeted, 11));
        }

        lab.Node.Configure(mesh => mesh.SetPolicy(AllowGets()));
        using (Socket asking = await LabPod.ConnectAsync(lab.Node.Host.Network, pod.Address, HttpLab.AppPort))
        {
            Assert.Contains("ok", await AskForAsync(asking, "/"), StringComparison.Ordinal);
        }

        using (Socket silent = await LabPod.ConnectAsync(lab.Node.Host.Network, pod.Address, BannerPort))
        {
            Assert.Equal("<reset>", await HttpLab.ReadToEndAsync(silent));
        }
    }

    /// <summary>Says its greeting to whoever connects, for as long as the listener is there.</summary>
    private static async void Greet(Socket listener)
    {
        try
        {
            while (true)
            {
                using Socket client = await listener.AcceptAsync();
                await client.SendAsync("220 ready\r\n"u8.ToArray());
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The pod is gone.
        }
    }

    private static async Task<double> GreetedAfterMsAsync(HttpLab lab, HttpService service)
    {
        long started = Stopwatch.GetTimestamp();
        using Socket client = await lab.ConnectAsync(service);
        Assert.Equal("220 ready\r\n", await LabPod.ReadAsync(client, 11));
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static async Task<string> AskForAsync(Socket client, string path)
    {
        await client.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"));
        return await HttpLab.ReadToEndAsync(client);
    }

    private static AuthorizationPolicy AllowGets() => new("shop", "readers")
    {
        Action = PolicyAction.Allow,
        Scope = PolicyScope.Namespace,
        Rules =
        [
            new AuthorizationRule([new AuthorizationClause(
                [new AuthorizationMatch { Request = new RequestConditions { Methods = [TextMatch.Exact("GET")] } }])]),
        ],
    };
}
