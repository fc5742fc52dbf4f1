using System.Net;
using System.Security.Authentication;
using Grpc.Core;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>How the process as a whole behaves: what it waits for, what it refuses, what it reports.</summary>
public sealed class ControlPlaneTests
{
    [Fact]
    public async Task It_is_not_ready_and_serves_no_configuration_until_everything_could_be_read_once()
    {
        await using var control = new TestControlPlane();
        control.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1", "node-1", "cart"));
        control.Write("b.yaml", "kind: [");
        string token = await control.CreateTokenAsync("node-1");
        await control.StartAsync();
        await Eventually.TrueAsync(
            async () => (await control.AdminAsync("/healthz/ready")).Body.Contains("b.yaml:", StringComparison.Ordinal), "diagnosed");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await control.AdminAsync("/healthz/ready")).Status);
        Assert.Equal(HttpStatusCode.OK, (await control.AdminAsync("/healthz/live")).Status);

        // A proxy that asks waits, which keeps what it has in force; trust does not depend on manifests.
        using DiscoveryClient proxy = control.Discover("node-1", token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        await proxy.SubscribeAsync(TypeUrls.TrustBundle);
        Assert.Equal(TypeUrls.TrustBundle, (await proxy.NextAsync()).TypeUrl);
        RpcException failure = await Assert.ThrowsAsync<RpcException>(
            () =>
                SigningRequests.SignAsync(
                    control.Connect(), token, SigningRequests.Request("spiffe://cluster.local/ns/shop/sa/cart", "x")));
        Assert.Equal(StatusCode.Unavailable, failure.StatusCode);

        control.Write("b.yaml", Manifests.Namespace("other"));
        Assert.Equal(["Kubernetes//Pod/shop/cart"], (await proxy.NextAsync(TypeUrls.Address)).Names());
        await control.WaitUntilReadyAsync();
    }

    [Fact]
    public async Task An_empty_directory_publishes_nothing_and_is_named()
    {
        await using var control = new TestControlPlane();
        string token = await control.CreateTokenAsync("node-1");
        await control.StartAsync();
        string problem = $"{control.Directories["config"]}: ";
        await Eventually.TrueAsync(
            async () => (await control.AdminAsync("/healthz/ready")).Body.Contains(problem, StringComparison.Ordinal), "diagnosed");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await control.AdminAsync("/healthz/ready")).Status);
        using DiscoveryClient proxy = control.Discover("node-1", token);
        await proxy.SubscribeAsync(TypeUrls.Address);

        control.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1", "node-1", "cart"));
        Assert.Equal(["Kubernetes//Pod/shop/cart"], (await proxy.NextAsync(TypeUrls.Address)).Names());
        await control.WaitUntilReadyAsync();

        // And when it becomes empty, nobody loses anything.
        control.Delete("a.yaml");
        await Eventually.TrueAsync(
            async () => (await control.AdminAsync("/debug/diagnostics")).Body.Contains("--allow-empty", StringComparison.Ordinal), "diagnosed");
        Assert.Equal(HttpStatusCode.OK, (await control.AdminAsync("/healthz/ready")).Status);
        using DiscoveryClient another = control.Discover("node-1", token);
        await another.SubscribeAsync(TypeUrls.Address);
        Assert.Equal(["Kubernetes//Pod/shop/cart"], (await another.NextAsync(TypeUrls.Address)).Names());
    }

    [Fact]
    public async Task An_empty_mesh_that_is_allowed_is_served()
    {
        await using var control = new TestControlPlane { AllowsEmpty = true };
        await control.StartAsync();

        await control.WaitUntilReadyAsync();
    }

    [Fact]
    public async Task It_speaks_tls_13_and_http2_and_nothing_else()
    {
        await using var control = new TestControlPlane();
        await control.StartAsync();
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.EnabledSslProtocols = SslProtocols.Tls12;
        using var old = new HttpClient(handler);
        await Assert.ThrowsAsync<HttpRequestException>(
            () => old.GetAsync(new Uri($"https://{control.EndPoint}/"), TestContext.Current.CancellationToken));
        using var plain = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(
            () => plain.GetAsync(new Uri($"http://{control.EndPoint}/"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Whatever_is_asked_without_a_token_the_answer_is_the_same()
    {
        await using var control = new TestControlPlane();
        await control.StartAsync();
        CallInvoker invoker = control.Connect().CreateCallInvoker();
        foreach (string path in new[] { "a/b", "debug/proxies", "istio.v1.auth.IstioCertificateService/CreateCertificate" })
        {
            var method = new Method<byte[], byte[]>(MethodType.Unary, path.Split('/')[0], path.Split('/')[1], Raw, Raw);
            RpcException failure = await Assert.ThrowsAsync<RpcException>(
                async () => await invoker.AsyncUnaryCall(method, host: null, default, []));
            Assert.Equal(StatusCode.Unauthenticated, failure.StatusCode);
        }
    }

    [Fact]
    public async Task A_port_that_is_taken_is_said_so()
    {
        await using var control = new TestControlPlane();
        await control.StartAsync();
        using var errors = new StringWriter();

        int code = await Mesh.Control.Commands.CommandLine.RunAsync(
            [
                "--config", control.Directories["config"],
                "--state", control.Directories["other"],
                "--listen", control.EndPoint.ToString(),
                "--admin", "127.0.0.1:0",
            ],
            TextWriter.Null,
            errors,
            TimeProvider.System);

        Assert.Equal(1, code);
        Assert.Contains("address already in use", errors.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("192.0.2.1:0", "127.0.0.1:0", "--listen 192.0.2.1:0 cannot be opened")]
    [InlineData("127.0.0.1:0", "192.0.2.1:0", "--admin 192.0.2.1:0 cannot be opened")]
    public async Task An_address_of_another_machine_is_said_so(string listen, string admin, string reason)
    {
        using var directories = new ScratchDirectory();
        Directory.CreateDirectory(directories["config"]);
        using var errors = new StringWriter();

        int code = await Mesh.Control.Commands.CommandLine.RunAsync(
            ["--config", directories["config"], "--state", directories["state"], "--listen", listen, "--admin", admin],
            TextWriter.Null,
            errors,
            TimeProvider.System);

        Assert.Equal(1, code);
        Assert.Contains(reason, errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_name_given_is_a_name_served()
    {
        await using var control = new TestControlPlane { ServerNames = ["control.example.org", "192.0.2.1"] };
        string token = await control.CreateTokenAsync("node-1");
        await control.StartAsync();
        foreach (string name in control.ServerNames)
        {
            using var client = new DiscoveryClient(control.Connect(name), "node-1", token);
            await client.SubscribeAsync(TypeUrls.TrustBundle);
            await client.NextAsync(TypeUrls.TrustBundle);
        }
    }

    [Fact]
    public async Task Under_a_supplied_intermediate_it_serves_the_whole_chain()
    {
        await using var control = new TestControlPlane();
        (control.SuppliedAuthority, _) = SuppliedAuthorities.Write(control.Directories, "corporate", TimeProvider.System.GetUtcNow());
        string token = await control.CreateTokenAsync("node-1");
        await control.StartAsync();

        using DiscoveryClient proxy = control.Discover("node-1", token);
        await proxy.SubscribeAsync(TypeUrls.TrustBundle);
        await proxy.NextAsync(TypeUrls.TrustBundle);
    }

    [Fact]
    public async Task Broken_state_stops_it_at_the_start_and_names_the_file()
    {
        await using var control = new TestControlPlane
        {
            SuppliedAuthority = new SuppliedAuthorityOptions("/nowhere/a", "/nowhere/b", "/nowhere/c"),
        };
        Mesh.Control.Serving.State.StateFormatException exception =
            await Assert.ThrowsAsync<Mesh.Control.Serving.State.StateFormatException>(control.StartAsync);
        Assert.Equal("/nowhere/a", exception.File);
    }

    private static Marshaller<byte[]> Raw => Marshallers.Create<byte[]>(bytes => bytes, bytes => bytes);
}
