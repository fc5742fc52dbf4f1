using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;
using Grpc.Core;
using Mesh.Api.Discovery;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Tests.Support;
using Xunit;
using Address = Mesh.Api.Workload.Address;
using Authorization = Mesh.Api.Security.Authorization;
using TunnelProtocol = Mesh.Api.Workload.TunnelProtocol;
using Workload = Mesh.Api.Workload.Workload;

namespace Mesh.Control.Tests.Control;

/// <summary>Discovery end to end: manifests in a directory, a real client over TLS.</summary>
public sealed class DiscoveryTests : IAsyncLifetime
{
    private readonly TestControlPlane _control = new();
    private string _token = string.Empty;
    private string _otherToken = string.Empty;

    public async ValueTask InitializeAsync()
    {
        _control.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1"));
        _control.Write("b.yaml", Manifests.Service("shop", "cart", "10.96.0.1", "cart"));
        _token = await _control.CreateTokenAsync("node-1");
        _otherToken = await _control.CreateTokenAsync("node-2");
        await _control.StartAsync();
        await _control.WaitUntilReadyAsync();
    }

    public ValueTask DisposeAsync() => _control.DisposeAsync();

    [Fact]
    public async Task A_proxy_gets_everything_first_and_then_what_changes()
    {
        using DiscoveryClient proxy = _control.Discover("node-1", _token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        DeltaDiscoveryResponse first = await proxy.NextAsync(TypeUrls.Address);
        Assert.Equal(["Kubernetes//Pod/shop/cart", "shop/cart.shop.svc.cluster.local"], first.Names());
        Assert.Empty(first.Removed());
        Workload workload = first.Body<Address>("Kubernetes//Pod/shop/cart").Workload;
        Assert.Equal(TunnelProtocol.Hbone, workload.TunnelProtocol);
        Assert.Equal(8080u, workload.Services["shop/cart.shop.svc.cluster.local"].Ports[0].TargetPort);

        _control.Write("c.yaml", Manifests.Pod("shop", "stock", "10.0.0.2"));
        Assert.Equal(["Kubernetes//Pod/shop/stock"], (await proxy.NextAsync(TypeUrls.Address)).Names());

        _control.Delete("a.yaml");
        DeltaDiscoveryResponse third = await proxy.NextAsync(TypeUrls.Address);
        Assert.Equal(["Kubernetes//Pod/shop/cart"], third.Removed());

        // Its namespace was declared there too, so the other pod is no longer captured.
        Assert.Equal(["Kubernetes//Pod/shop/stock"], third.Names());
    }

    [Fact]
    public async Task A_policy_comes_before_the_workloads_that_name_it_and_goes_after_them()
    {
        using DiscoveryClient proxy = _control.Discover("node-1", _token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        await proxy.NextAsync(TypeUrls.Address);
        await proxy.SubscribeAsync(TypeUrls.Authorization);
        Assert.Empty((await proxy.NextAsync(TypeUrls.Authorization)).Names());

        _control.Write("c.yaml", Manifests.Strict("shop"));
        DeltaDiscoveryResponse policy = await proxy.NextAsync(TypeUrls.Authorization);
        Assert.Equal(["istio-system/istio_converted_static_strict"], policy.Names());
        Assert.Equal(Mesh.Api.Security.Action.Deny, policy.Body<Authorization>("istio-system/istio_converted_static_strict").Action);
        DeltaDiscoveryResponse workloads = await proxy.NextAsync(TypeUrls.Address);
        Assert.Equal(
            ["istio-system/istio_converted_static_strict"],
            workloads.Body<Address>("Kubernetes//Pod/shop/cart").Workload.AuthorizationPolicies);

        _control.Delete("c.yaml");
        Assert.Equal(["Kubernetes//Pod/shop/cart"], (await proxy.NextAsync(TypeUrls.Address)).Names());
        DeltaDiscoveryResponse gone = await proxy.NextAsync(TypeUrls.Authorization);
        Assert.Equal(["istio-system/istio_converted_static_strict"], gone.Removed());
        Assert.Empty(gone.Names());
    }

    [Fact]
    public async Task Acknowledgements_and_refusals_are_shown_per_proxy()
    {
        using DiscoveryClient proxy = _control.Discover("node-1", _token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        DeltaDiscoveryResponse first = await proxy.NextAsync();
        await ProxyShowsAsync(view => view.GetProperty("types")[0].GetProperty("sent").GetInt64() == 1, "sent");
        JsonElement unanswered = await ProxyAsync();
        Assert.Equal(0, unanswered.GetProperty("types")[0].GetProperty("acked").GetInt64());
        Assert.False(unanswered.GetProperty("isCurrent").GetBoolean());

        await proxy.AckAsync(first);
        await ProxyShowsAsync(view => view.GetProperty("types")[0].GetProperty("acked").GetInt64() == 1, "acked");
        JsonElement acknowledged = await ProxyAsync();
        Assert.Equal("node-1", acknowledged.GetProperty("node").GetString());
        Assert.Equal("all", acknowledged.GetProperty("types")[0].GetProperty("subscription").GetString());
        Assert.True(acknowledged.GetProperty("isCurrent").GetBoolean());
        Assert.False(acknowledged.GetProperty("types")[0].TryGetProperty("nacked", out _));

        _control.Write("c.yaml", Manifests.Pod("shop", "stock", "10.0.0.2"));
        await proxy.NackAsync(await proxy.NextAsync(), "no room for stock");
        await ProxyShowsAsync(view => view.GetProperty("types")[0].TryGetProperty("nacked", out _), "nacked");
        JsonElement rejected = (await ProxyAsync()).GetProperty("types")[0];
        Assert.Equal(1, rejected.GetProperty("acked").GetInt64());
        Assert.Equal("no room for stock", rejected.GetProperty("nacked").GetProperty("reason").GetString());
        Assert.Equal("Kubernetes//Pod/shop/stock", rejected.GetProperty("nacked").GetProperty("resources")[0].GetString());

        // What was refused is not pressed on the proxy. The next change is offered, and accepting it does not hide what is refused still.
        _control.Write("d.yaml", Manifests.Pod("shop", "mail", "10.0.0.3"));
        DeltaDiscoveryResponse next = await proxy.NextAsync(TypeUrls.Address);
        Assert.Equal(["Kubernetes//Pod/shop/mail"], next.Names());
        await ProxyShowsAsync(view => view.GetProperty("types")[0].GetProperty("acked").GetInt64() == 3, "mail accepted");
        JsonElement still = await ProxyAsync();
        Assert.False(still.GetProperty("isCurrent").GetBoolean());
        Assert.Equal(
            "Kubernetes//Pod/shop/stock",
            still.GetProperty("types")[0].GetProperty("nacked").GetProperty("resources")[0].GetString());

        // Another version of it does.
        _control.Write("c.yaml", Manifests.Pod("shop", "stock", "10.0.0.4"));
        Assert.Equal(["Kubernetes//Pod/shop/stock"], (await proxy.NextAsync(TypeUrls.Address)).Names());
        await ProxyShowsAsync(view => view.GetProperty("isCurrent").GetBoolean(), "accepted again");

        await proxy.CompleteAsync();
        await Eventually.TrueAsync(async () => (await ProxiesAsync()).GetArrayLength() == 0, "gone");
    }

    [Fact]
    public async Task A_stale_answer_says_nothing_about_now()
    {
        using DiscoveryClient proxy = _control.Discover("node-1", _token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        DeltaDiscoveryResponse first = await proxy.NextAsync();
        await proxy.SendAsync(new DeltaDiscoveryRequest { TypeUrl = TypeUrls.Address, ResponseNonce = "somebody else's" });
        await proxy.SendAsync(new DeltaDiscoveryRequest { TypeUrl = TypeUrls.Authorization, ResponseNonce = first.Nonce });
        Assert.Equal(TypeUrls.Authorization, (await proxy.NextAsync()).TypeUrl);

        Assert.All(
            (await ProxyAsync()).GetProperty("types").EnumerateArray(), type => Assert.Equal(0, type.GetProperty("acked").GetInt64()));
    }

    [Fact]
    public async Task A_proxy_that_reconnects_is_told_only_what_it_missed()
    {
        Dictionary<string, string> held;
        using (DiscoveryClient before = _control.Discover("node-1", _token))
        {
            await before.SubscribeAsync(TypeUrls.Address);
            held = (await before.NextAsync(TypeUrls.Address)).Versions();
            await before.CompleteAsync();
        }

        using (DiscoveryClient unchanged = _control.Discover("node-1", _token))
        {
            await unchanged.SubscribeAsync(TypeUrls.Address, held);
            DeltaDiscoveryResponse response = await unchanged.NextAsync(TypeUrls.Address);
            Assert.Empty(response.Names());
            Assert.Empty(response.Removed());
            await unchanged.CompleteAsync();
        }

        _control.Delete("b.yaml");
        _control.Write("c.yaml", Manifests.Pod("shop", "stock", "10.0.0.2"));
        await Eventually.TrueAsync(
            async () => (await _control.AdminJsonAsync("/debug/resources")).GetProperty("types").EnumerateArray().Any(
                type => type.GetProperty("type").GetString() == TypeUrls.Address && type.GetProperty("generation").GetInt64() > 1),
            "published");

        using DiscoveryClient after = _control.Discover("node-1", _token);
        await after.SubscribeAsync(TypeUrls.Address, held);
        DeltaDiscoveryResponse missed = await after.NextAsync(TypeUrls.Address);
        Assert.Equal(["shop/cart.shop.svc.cluster.local"], missed.Removed());

        // The pod is no longer an endpoint of the service, so it is another resource too.
        Assert.Equal(["Kubernetes//Pod/shop/cart", "Kubernetes//Pod/shop/stock"], missed.Names());
    }

    [Fact]
    public async Task A_restarted_control_plane_resends_nothing()
    {
        Dictionary<string, string> held;
        using (DiscoveryClient before = _control.Discover("node-1", _token))
        {
            await before.SubscribeAsync(TypeUrls.Address);
            held = (await before.NextAsync(TypeUrls.Address)).Versions();
        }

        await _control.StopAsync();
        await _control.StartAsync();

        using DiscoveryClient after = _control.Discover("node-1", _token);
        await after.SubscribeAsync(TypeUrls.Address, held);
        DeltaDiscoveryResponse response = await after.NextAsync(TypeUrls.Address);
        Assert.Empty(response.Names());
        Assert.Empty(response.Removed());
    }

    [Fact]
    public async Task On_demand_answers_what_is_asked_and_says_what_does_not_exist()
    {
        using DiscoveryClient proxy = _control.Discover("node-2", _otherToken);
        var first = new DeltaDiscoveryRequest { TypeUrl = TypeUrls.Address };
        first.ResourceNamesSubscribe.Add("*");
        first.ResourceNamesUnsubscribe.Add("*");
        await proxy.SendAsync(first);

        await proxy.SubscribeAsync(TypeUrls.Address, "/10.0.0.1");
        DeltaDiscoveryResponse found = await proxy.NextAsync(TypeUrls.Address);
        Assert.Equal(["Kubernetes//Pod/shop/cart"], found.Names());
        Assert.Equal(["/10.0.0.1"], found.Resources[0].Aliases);

        await proxy.SubscribeAsync(TypeUrls.Address, "/10.9.9.9");
        Assert.Equal(["/10.9.9.9"], (await proxy.NextAsync(TypeUrls.Address)).Removed());

        await proxy.SubscribeAsync(TypeUrls.Address, "shop/cart.shop.svc.cluster.local");
        Assert.Equal(["shop/cart.shop.svc.cluster.local"], (await proxy.NextAsync(TypeUrls.Address)).Names());

        // The missing one appears, and a pod of its own node comes unasked; a stranger does not.
        _control.Write(
            "c.yaml",
            Manifests.Pod(
                "shop",
                "late",
                "10.9.9.9",
                "node-3") + Manifests.Pod("shop", "own", "10.0.0.7", "node-2") + Manifests.Pod("shop", "other", "10.0.0.8", "node-3"));
        Assert.Equal(["Kubernetes//Pod/shop/late", "Kubernetes//Pod/shop/own"], (await proxy.NextAsync(TypeUrls.Address)).Names());
    }

    [Fact]
    public async Task Without_a_valid_token_nothing_is_said()
    {
        foreach (string? token in new[] { null, "nonsense", _token + "x", $"mesh-join.0123456789abcdef.{new string('A', 43)}" })
        {
            using var stranger = new DiscoveryClient(_control.Connect(), "node-1", token);
            RpcException failure = await stranger.FailureAsync();
            Assert.Equal(StatusCode.Unauthenticated, failure.StatusCode);
            Assert.Contains("token", failure.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_node_cannot_speak_for_another()
    {
        using DiscoveryClient impostor = _control.Discover("node-2", _token);
        await impostor.SubscribeAsync(TypeUrls.Address);
        RpcException failure = await impostor.FailureAsync();
        Assert.Equal(StatusCode.PermissionDenied, failure.StatusCode);
        Assert.Contains("node-1", failure.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("node-2", failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_of_a_revoked_token_ends()
    {
        using DiscoveryClient proxy = _control.Discover("node-1", _token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        await proxy.NextAsync(TypeUrls.Address);

        await JoinTokenFile.RevokeAsync(_control.State, "node-1", TimeProvider.System.GetUtcNow(), TestContext.Current.CancellationToken);

        Assert.Equal(StatusCode.Unauthenticated, (await proxy.FailureAsync()).StatusCode);
        using DiscoveryClient again = _control.Discover("node-1", _token);
        Assert.Equal(StatusCode.Unauthenticated, (await again.FailureAsync()).StatusCode);
    }

    [Fact]
    public async Task The_first_request_must_say_who_asks()
    {
        using DiscoveryClient anonymous = _control.Discover(string.Empty, _token);
        await anonymous.SubscribeAsync(TypeUrls.Address);
        RpcException failure = await anonymous.FailureAsync();
        Assert.Equal(StatusCode.InvalidArgument, failure.StatusCode);
        Assert.Contains("NODE_NAME", failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_type_that_is_not_served_is_shown_and_never_answered_as_if_empty()
    {
        using DiscoveryClient proxy = _control.Discover("node-1", _token);
        await proxy.SubscribeAsync("type.googleapis.com/some.Future.Policy");
        await proxy.SubscribeAsync(TypeUrls.Authorization);

        Assert.Equal(TypeUrls.Authorization, (await proxy.NextAsync()).TypeUrl);
        Assert.Equal("type.googleapis.com/some.Future.Policy", (await ProxyAsync()).GetProperty("unsupportedTypes")[0].GetString());
    }

    [Fact]
    public async Task The_server_proves_its_name_and_only_to_who_expects_it()
    {
        foreach (string name in new[] { "mesh-control", "istiod.istio-system.svc", "localhost", "127.0.0.1" })
        {
            using var proxy = new DiscoveryClient(_control.Connect(name), "node-1", _token);
            await proxy.SubscribeAsync(TypeUrls.Authorization);
            await proxy.NextAsync(TypeUrls.Authorization);
        }

        using var client = new TcpClient();
        await client.ConnectAsync(_control.EndPoint, TestContext.Current.CancellationToken);
        await using var tls = new SslStream(client.GetStream());
        var options = new SslClientAuthenticationOptions { TargetHost = "somebody-else", CertificateChainPolicy = _control.TrustPolicy() };
        AuthenticationException refused = await Assert.ThrowsAsync<AuthenticationException>(
            () => tls.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken));
        Assert.Contains("NameMismatch", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_swapped_directory_is_pushed_and_a_broken_file_is_named_and_changes_nothing()
    {
        using DiscoveryClient proxy = _control.Discover("node-1", _token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        await proxy.NextAsync(TypeUrls.Address);
        _control.Write("..v1/c.yaml", Manifests.Pod("shop", "stock", "10.0.0.2"));
        _control.Write("..v2/c.yaml", Manifests.Pod("shop", "stock", "10.0.0.9"));
        Directory.CreateSymbolicLink(_control.Directories["config/..data"], "..v1");
        File.CreateSymbolicLink(_control.Directories["config/c.yaml"], "..data/c.yaml");
        await proxy.NextAsync(TypeUrls.Address);

        Directory.CreateSymbolicLink(_control.Directories["config/..next"], "..v2");
        await _control.Directories.RenameAsync("config/..next", "config/..data");
        Workload moved = (await proxy.NextAsync(TypeUrls.Address)).Body<Address>("Kubernetes//Pod/shop/stock").Workload;
        Assert.Equal(IPAddress.Parse("10.0.0.9").GetAddressBytes(), moved.Addresses[0].ToByteArray());

        _control.Write("b.yaml", "apiVersion: v1\nkind: Service\nmetadata:\n  name: Cart\n");
        await Eventually.TrueAsync(async () => (await DiagnosticsAsync()).GetArrayLength() > 0, "diagnosed");
        JsonElement diagnostic = (await DiagnosticsAsync())[0];
        Assert.Equal("b.yaml", diagnostic.GetProperty("file").GetString());
        Assert.Equal(4, diagnostic.GetProperty("line").GetInt32());
        Assert.Equal("metadata.name", diagnostic.GetProperty("field").GetString());
        Assert.Equal("Error", diagnostic.GetProperty("severity").GetString());

        // The service is still there: the next push is about something else alone.
        _control.Write("d.yaml", Manifests.Pod("shop", "mail", "10.0.0.3"));
        DeltaDiscoveryResponse next = await proxy.NextAsync(TypeUrls.Address);
        Assert.Equal(["Kubernetes//Pod/shop/mail"], next.Names());
        Assert.Empty(next.Removed());
    }

    private async Task<JsonElement> ProxiesAsync() => (await _control.AdminJsonAsync("/debug/proxies")).GetProperty("proxies");

    private async Task<JsonElement> ProxyAsync() => Assert.Single((await ProxiesAsync()).EnumerateArray());

    private async Task<JsonElement> DiagnosticsAsync() => (await _control.AdminJsonAsync("/debug/diagnostics")).GetProperty("diagnostics");

    private Task ProxyShowsAsync(Func<JsonElement, bool> condition, string what) => Eventually.TrueAsync(
        async () =>
        {
            JsonElement proxies = await ProxiesAsync();
            return proxies.GetArrayLength() == 1 && proxies[0].GetProperty("types").GetArrayLength() > 0 && condition(proxies[0]);
        },
        what);
}
