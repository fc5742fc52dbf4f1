using System.Net;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Tests.Support;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>The control plane of a cluster: what the API server has is what proxies get.</summary>
public sealed class KubernetesTests
{
    [Fact]
    public async Task A_pod_of_the_cluster_reaches_its_proxy_and_an_api_server_that_is_away_costs_nothing()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        server.Apply(Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1", "node-1", "cart"));
        await using var control = new TestControlPlane { Kubeconfig = server.Kubeconfig };
        string token = await control.CreateTokenAsync("node-1");
        await control.StartAsync();
        using DiscoveryClient proxy = control.Discover("node-1", token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        Assert.Equal(["Kubernetes//Pod/shop/cart"], (await proxy.NextAsync(TypeUrls.Address)).Names());
        await control.WaitUntilReadyAsync();

        server.Pause();
        await Eventually.TrueAsync(
            async () => (await control.AdminAsync("/debug/diagnostics")).Body.Contains("does not answer", StringComparison.Ordinal),
            "diagnosed");
        Assert.Equal(HttpStatusCode.OK, (await control.AdminAsync("/healthz/ready")).Status);
        using DiscoveryClient another = control.Discover("node-1", token);
        await another.SubscribeAsync(TypeUrls.Address);
        Assert.Equal(["Kubernetes//Pod/shop/cart"], (await another.NextAsync(TypeUrls.Address)).Names());
    }

    [Fact]
    public async Task Until_every_kind_could_be_read_once_it_is_not_ready_and_says_which()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        server.Apply(Manifests.Namespace("shop"));
        bool isForbidden = true;
        server.FaultWhile(
            () => Volatile.Read(ref isForbidden),
            target => target.Contains("/networkpolicies?limit=", StringComparison.Ordinal),
            context => ApiServer.FailAsync(context, 403, "Forbidden", "networkpolicies is forbidden"));
        await using var control = new TestControlPlane { Kubeconfig = server.Kubeconfig };
        await control.StartAsync();

        await Eventually.TrueAsync(
            async () => (await control.AdminAsync("/healthz/ready")).Body.Contains(
                "networkpolicies.networking.k8s.io: The API server does not let us read it", StringComparison.Ordinal),
            "diagnosed");

        Volatile.Write(ref isForbidden, false);
        await control.WaitUntilReadyAsync();
    }

    [Theory]
    [InlineData("--kubernetes", "--state", "S")]
    [InlineData("--kubernetes", "--kubeconfig", "/nowhere/config", "--state", "S")]
    public async Task An_api_server_that_is_not_known_is_said_so_at_the_start(params string[] args)
    {
        using var directory = new ScratchDirectory();
        using var errors = new StringWriter();

        int code = await Mesh.Control.Commands.CommandLine.RunAsync(
            [.. args.Select(word => word == "S" ? directory["state"] : word)], TextWriter.Null, errors, TimeProvider.System);

        Assert.Equal(1, code);
        Assert.Contains("--kubeconfig", errors.ToString(), StringComparison.Ordinal);
    }
}
