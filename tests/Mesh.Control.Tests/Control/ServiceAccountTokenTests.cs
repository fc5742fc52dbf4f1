using System.Net;
using Grpc.Core;
using Mesh.Control.Cluster;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Control.Tests.Support;
using Mesh.Control.Tests.Support.Kubernetes;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>A proxy in a pod is who the API server says its token is.</summary>
public sealed class ServiceAccountTokenTests : IAsyncLifetime
{
    private ApiServer _server = null!;
    private KubernetesApi _api = null!;
    private ServiceAccountTokens _tokens = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _api = KubernetesApi.OpenConfiguration(_server.Kubeconfig, context: null);
        _tokens = new ServiceAccountTokens(
            new TokenReviews(new KubernetesObjects(_api), "istio-ca").AskAsync,
            ["mesh-node/mesh-node-proxy"],
            "istio-ca",
            TimeProvider.System,
            NullLogger<ServiceAccountTokens>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        _tokens.Dispose();
        _api.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_proxy_with_its_pods_token_is_served_as_its_node_and_no_other()
    {
        _server.Apply(Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1", "node-1", "cart"));
        await using var control = new TestControlPlane { Kubeconfig = _server.Kubeconfig };
        await control.StartAsync();
        await control.WaitUntilReadyAsync();
        string token = AccountTokens.Give(_server, "node-1");
        using DiscoveryClient proxy = control.Discover("node-1", token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        Assert.Equal(["Kubernetes//Pod/shop/cart"], (await proxy.NextAsync(TypeUrls.Address)).Names());
        Assert.Contains("mesh-node/proxy-1", (await control.AdminAsync("/debug/proxies")).Body, StringComparison.Ordinal);

        using DiscoveryClient liar = control.Discover("node-2", token);
        await liar.SubscribeAsync(TypeUrls.Address);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => liar.NextAsync(TypeUrls.Address));
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
    }

    [Fact]
    public async Task A_token_is_asked_about_once_in_a_while_and_not_by_each_call()
    {
        string token = AccountTokens.Give(_server, "node-1");

        RecognisedToken[] answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => AskAsync(token)));

        Assert.All(answers, answer => Assert.Equal("node-1", answer.Caller!.Node));
        Assert.Equal(1, _server.Requests.Count(request => request.Contains("tokenreviews", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Where_the_api_server_does_not_say_the_node_the_pod_does()
    {
        string token = AccountTokens.Give(_server, node: string.Empty, pod: "proxy-a", uid: "uid-a");
        _server.Apply(Pod("proxy-a", "uid-a", "node-7"));
        Assert.Equal("node-7", (await AskAsync(token)).Caller!.Node);

        string successor = AccountTokens.Give(_server, node: string.Empty, pod: "proxy-b", uid: "uid-b");
        _server.Apply(Pod("proxy-b", "uid-of-another", "node-7"));
        Assert.Contains("is not there", (await AskAsync(successor)).Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("system:serviceaccount:shop:mesh-node-proxy", "istio-ca", "another service account")]
    [InlineData("system:serviceaccount:mesh-node:default", "istio-ca", "another service account")]
    [InlineData(AccountTokens.Proxy, "https://kubernetes.default.svc", "not for the audience")]
    public async Task A_token_of_others_is_refused_without_asking(string user, string audience, string problem)
    {
        RecognisedToken answer = await AskAsync(AccountTokens.Give(_server, "node-1", user, audience));

        Assert.Null(answer.Caller);
        Assert.False(answer.IsUnavailable);
        Assert.Contains(problem, answer.Problem, StringComparison.Ordinal);
        Assert.Empty(_server.Requests);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.b.c")]
    [InlineData("e30.e30.e30")]
    [InlineData("e30.bm90IGpzb24.e30")]
    public async Task What_is_no_token_is_refused_without_asking(string token)
    {
        Assert.Null((await AskAsync(token)).Caller);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task What_a_token_says_of_itself_is_not_believed()
    {
        DateTimeOffset later = TimeProvider.System.GetUtcNow().AddHours(1);
        Assert.Contains(
            "does not know the token",
            (await AskAsync(AccountTokens.Make(AccountTokens.Proxy, "istio-ca", later))).Problem,
            StringComparison.Ordinal);
        string forged = AccountTokens.Make(AccountTokens.Proxy, "istio-ca", later, "of another");
        _server.Tokens[forged] = new ApiToken("system:serviceaccount:shop:cart", "istio-ca", "cart", "uid", "node-1");
        Assert.Contains("another service account", (await AskAsync(forged)).Problem, StringComparison.Ordinal);
        Assert.Contains(
            "expired",
            (await AskAsync(AccountTokens.Make(AccountTokens.Proxy, "istio-ca", TimeProvider.System.GetUtcNow().AddHours(-1)))).Problem,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_the_api_server_is_away_nobody_new_is_refused_for_good()
    {
        string known = AccountTokens.Give(_server, "node-1");
        Assert.NotNull((await AskAsync(known)).Caller);
        _server.Pause();

        RecognisedToken unknown = await AskAsync(AccountTokens.Give(_server, "node-2", pod: "proxy-2"));

        Assert.Null(unknown.Caller);
        Assert.True(unknown.IsUnavailable);
        Assert.Equal("node-1", (await AskAsync(known)).Caller!.Node);
    }

    private Task<RecognisedToken> AskAsync(string token) =>
        _tokens.RecogniseAsync(token, IPAddress.Loopback, TestContext.Current.CancellationToken);

    private static string Pod(string name, string uid, string node) => $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{name}}, namespace: mesh-node, uid: {{uid}}}
        spec: {nodeName: {{node}}}
        """;
}
