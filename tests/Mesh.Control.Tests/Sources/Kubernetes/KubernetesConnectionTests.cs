using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Tests.Support;
using Mesh.Control.Tests.Support.Kubernetes;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Tests.Sources.Kubernetes;

/// <summary>The API server is reached as a cluster serves it: over TLS with a root of its own, all watches over HTTP/2.</summary>
public sealed class KubernetesConnectionTests
{
    [Fact]
    public async Task Everything_is_followed_over_a_connection_whose_root_is_verified()
    {
        using var certificate = new ApiCertificate();
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(
            server => server.Apply(Manifests.Namespace("shop")), certificate: certificate);
        await cluster.NextAsync("Namespace shop");

        cluster.Server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1"));
        await cluster.NextAsync("Namespace shop", "Pod shop/cart");
        cluster.Server.Disconnect();
        cluster.Server.Delete("Pod", "shop", "cart");
        await cluster.NextAsync("Namespace shop");

        Assert.Equal(["HTTP/2"], cluster.Server.Protocols.Keys);
    }

    [Fact]
    public async Task An_api_server_of_another_root_is_not_believed()
    {
        using var certificate = new ApiCertificate();
        using var other = new ApiCertificate();
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(
            server => server.Apply(Manifests.Namespace("shop")), certificate: certificate, trusted: other);

        ManifestSnapshot snapshot = await cluster.NextAsync(snapshot => snapshot.Diagnostics.Length > 0);

        Assert.False(snapshot.IsComplete);
        Assert.Empty(snapshot.Objects);
        Diagnostic problem = snapshot.Diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.Contains("certificate", problem.Reason, StringComparison.Ordinal);
        Assert.Empty(cluster.Server.Requests);
    }
}
