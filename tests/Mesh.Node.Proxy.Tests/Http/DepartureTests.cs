using System.Collections.Immutable;
using System.Net.Sockets;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: an endpoint that leaves while it is waited for costs no request. Method: an endpoint whose tunnel port takes connections and says
/// nothing, and another version that answers; the first is taken out of the mesh.
/// </summary>
public sealed class DepartureTests
{
    [LabFact]
    public async Task Who_waits_for_an_endpoint_that_leaves_goes_to_another_at_once()
    {
        // Longer than anything here is waited for: no time limit ends the wait.
        int limitMs = 4 * (int)LabNode.Patience.TotalMilliseconds;
        await using HttpLab lab = await HttpLab.StartAsync(
            SameNodeMode.Network, new ProxyOptions { ConnectTimeoutMs = limitMs, HandshakeTimeoutMs = limitMs });
        LabPod silent = await lab.Node.AddPodAsync("silent");
        LabPod other = await lab.Node.AddPodAsync("other");
        await lab.Node.Proxy.RemoveAsync(silent.Workload.Name, TestContext.Current.CancellationToken);
        using Socket tunnels = silent.Listen(MeshPorts.Hbone);
        await using HttpApp app = await HttpApp.StartAsync(other, HttpLab.AppPort, context => context.Response.WriteAsync("other"));
        HttpService service = lab.AddService("server", (silent, ["shop/server/v1"]), (other, ["shop/server/v2"]));
        var limits = new PortPolicies(TrafficPolicy.Default with
        {
            Limits = new ConnectionLimits { ConnectTimeout = TimeSpan.FromMilliseconds(limitMs) },
        });
        ImmutableArray<TrafficSubset> subsets = [new("v1", "shop/server/v1", limits), new("v2", "shop/server/v2", limits)];
        lab.Route(service, subsets, new Route("shop/split", [], new ForwardAction(new WeightedDestinations(
        [
            new WeightedDestination(service.Service.Key, 80, "v1", 50),
            new WeightedDestination(service.Service.Key, 80, "v2", 50),
        ]))));
        HttpClient http = lab.Http(service);

        // Each draws its version; those of the first wait.
        Task<Socket> dialled = tunnels.AcceptAsync();
        List<Task<string>> asked = [];
        while (!dialled.IsCompleted)
        {
            asked.Add(http.GetStringAsync("/"));
            await Task.WhenAny(asked[^1], dialled);
        }

        lab.Node.Configure(mesh => mesh.RemoveWorkload(silent.Workload.Uid));

        Assert.All(await Task.WhenAll(asked).WaitAsync(LabNode.Patience), answer => Assert.Equal("other", answer));
        (await dialled).Dispose();
    }
}
