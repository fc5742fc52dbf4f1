using System.Net;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(ForeignGroup))]
public sealed class TproxyForeignFieldTests(ForeignLab fixture) : ForeignFieldTests(fixture);

public sealed class RedirectForeignFieldTests(RedirectForeignLab fixture) : ForeignFieldTests(fixture), IClassFixture<RedirectForeignLab>;

/// <summary>
/// What another control plane may ask of a proxy and the mesh's own never does. Goal: it is obeyed, or the connection is refused by name;
/// nothing goes past what was asked for.
/// </summary>
public abstract class ForeignFieldTests(ForeignLab fixture) : IsolatedTests(fixture)
{
    private const int Port = 8080;

    [LabFact]
    public async Task What_is_asked_for_nothing_special_is_reached()
    {
        LabPod server = await AddPodAsync("mesh/ordinary", "server", node: 2);
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(await Lab.PodAsync("mesh/client-1"), echo.EndPoint()));
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(await Lab.PodAsync("mesh/client-2"), echo.EndPoint()));
    }

    [LabTheory]
    [InlineData(ForeignLab.Waypoint, "mesh/client-1", "WaypointUnsupported")]
    [InlineData(ForeignLab.Waypoint, "mesh/client-2", "WaypointUnsupported")]
    [InlineData(ForeignLab.NetworkGateway, "mesh/client-1", "NetworkGatewayUnsupported")]
    [InlineData(ForeignLab.NetworkGateway, "mesh/client-2", "NetworkGatewayUnsupported")]
    public async Task A_workload_behind_something_is_not_reached_past_it(string name, string clientName, string reason)
    {
        LabPod server = await AddPodAsync($"mesh/{name}", "server", node: 2);
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        LabPod client = await Lab.PodAsync(clientName);
        await AssertRefusedAsync(client, echo, echo.EndPoint(), reason);
        await AssertRefusedAsync(client, echo, echo.EndPoint(AddressFamily.InterNetworkV6), reason);
    }

    [LabTheory]
    [InlineData(ForeignLab.ServiceWaypoint, "mesh/client-1")]
    [InlineData(ForeignLab.ServiceWaypoint, "mesh/client-2")]
    [InlineData(ForeignLab.WeightedWaypoints, "mesh/client-1")]
    [InlineData(ForeignLab.WeightedWaypoints, "mesh/client-2")]
    public async Task A_service_that_asks_for_waypoints_is_not_reached_past_them(string name, string clientName)
    {
        await EstablishAsync(
            $$"""
            apiVersion: v1
            kind: Service
            metadata: {name: {{name}}, namespace: mesh}
            spec: {selector: {app: server-2}, ports: [{name: tcp, port: 80, targetPort: 8080}]}
            """);
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        LabPod client = await Lab.PodAsync(clientName);
        foreach (string address in (await Lab.StatusAsync()).Services.Single(service => service.Name == name).Addresses)
        {
            await AssertRefusedAsync(client, echo, new IPEndPoint(IPAddress.Parse(address), 80), "WaypointUnsupported");
        }
    }

    [LabTheory]
    [InlineData("mesh/client-1")]
    [InlineData("mesh/client-2")]
    public async Task An_application_tunnel_is_refused_where_it_would_begin(string clientName)
    {
        LabPod server = await AddPodAsync($"mesh/{ForeignLab.ApplicationTunnel}", "server", node: 2);
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        LabPod client = await Lab.PodAsync(clientName);

        Assert.Equal(Outcome.Reset, await Attempt.AnEchoAsync(client, echo.EndPoint()));

        Assert.Empty(echo.Clients);
        await Fixture.AccessLineAsync("node-2", line => line.CloseReason == "ApplicationTunnelUnsupported");
        await Fixture.AccessLineAsync(client.Node, line => line is { Path: "Outbound", CloseReason: "TunnelUnavailable" });
    }

    [LabTheory]
    [InlineData("mesh/client-1")]
    [InlineData("mesh/client-2")]
    public async Task A_workload_that_speaks_HBONE_itself_is_spoken_to_in_HBONE(string clientName)
    {
        const byte TlsHandshake = 22;
        LabPod server = await AddPodAsync($"outside/{ForeignLab.NativeTunnel}", "server", node: 2);
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        using Socket native = await server.ListenAsync(HboneClient.Port);
        LabPod client = await Lab.PodAsync(clientName);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using Socket connection = await client.ConnectAsync(echo.EndPoint(), limit.Token);

        using Socket tunnel = await native.AcceptAsync(limit.Token);
        byte[] first = new byte[1];
        Assert.True(await tunnel.TryReceiveExactlyAsync(first, limit.Token));

        Assert.Equal(TlsHandshake, first[0]);
        Assert.Empty(echo.Clients);
    }

    private async Task AssertRefusedAsync(LabPod client, EchoServer echo, IPEndPoint target, string reason)
    {
        Assert.Equal(Outcome.Reset, await Attempt.AnEchoAsync(client, target));
        Assert.Empty(echo.Clients);
        AccessLogLine line = await Fixture.AccessLineAsync(client.Node, line => line.CloseReason == reason);
        Assert.Equal("Outbound", line.Path);
    }
}
