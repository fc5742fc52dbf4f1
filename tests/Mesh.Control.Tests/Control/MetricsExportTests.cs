using System.Net;
using System.Text;
using Grpc.Core;
using Mesh.Api.Certificates;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Tests.Support;
using Mesh.Control.Tests.Support.Kubernetes;
using Mesh.Testing.Kubernetes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>Goal: what the page of metrics names reaches a collector. Method: everything that is counted happens once.</summary>
public sealed class MetricsExportTests
{
    private const string Identity = "spiffe://cluster.local/ns/shop/sa/cart";

    [Fact]
    public async Task Every_instrument_of_the_page_reaches_an_otlp_receiver()
    {
        using var received = new MemoryStream();
        await using WebApplication receiver = await StartReceiverAsync(received);
        await using (var control = new TestControlPlane { OtlpEndpoint = new Uri(receiver.Urls.First()) })
        {
            control.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1", "node-1", "cart"));
            string token = await control.CreateTokenAsync("node-1");
            string other = await control.CreateTokenAsync("node-2");
            await control.StartAsync();
            await control.WaitUntilReadyAsync();
            await ProvokeAsync(control, token, other);
            await FollowClusterAsync();
        }

        // The end of the control plane sends what is left, so all of it has arrived.
        string text = Encoding.Latin1.GetString(received.ToArray());
        Assert.Contains("mesh-control", text, StringComparison.Ordinal);
        List<string> documented = DocumentedTables.InstrumentNames();
        Assert.NotEmpty(documented);
        Assert.All(documented, name => Assert.Contains(name, text, StringComparison.Ordinal));
    }

    /// <summary>Lists, events and failures of an API server.</summary>
    private static async Task FollowClusterAsync()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
        {
            server.Apply(Manifests.Namespace("shop"));
            server.Fault(_ => true, context => ApiServer.FailAsync(context, 500, "InternalError", "etcd is away"));
        });
        await cluster.NextAsync("Namespace shop");
        cluster.Server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1"));
        await cluster.NextAsync("Namespace shop", "Pod shop/cart");
    }

    private static async Task ProvokeAsync(TestControlPlane control, string token, string tokenOfAnother)
    {
        using var stranger = new DiscoveryClient(control.Connect(), "node-1", token: null);
        await stranger.FailureAsync();
        using DiscoveryClient proxy = control.Discover("node-1", token);
        await proxy.SubscribeAsync(TypeUrls.Address);
        await proxy.NextAsync(TypeUrls.Address);
        await proxy.SubscribeAsync(TypeUrls.TrustBundle);
        await proxy.NackAsync(await proxy.NextAsync(), "a proxy that trusts nobody");
        await Eventually.TrueAsync(
            async () => (await control.AdminAsync("/debug/proxies")).Body.Contains("trusts nobody", StringComparison.Ordinal), "the refusal");

        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        IstioCertificateRequest request = SigningRequests.Request(Identity, SigningRequests.Pem(key, Identity));
        Assert.NotEmpty((await SigningRequests.SignAsync(control.Connect(), token, request)).CertChain);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(
            () => SigningRequests.SignAsync(control.Connect(), tokenOfAnother, request));
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
    }

    /// <summary>The collector's side of OTLP over gRPC, as far as it takes to receive.</summary>
    private static async Task<WebApplication> StartReceiverAsync(MemoryStream received)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, endpoint => endpoint.Protocols = HttpProtocols.Http2));
        builder.Logging.ClearProviders();
        WebApplication receiver = builder.Build();
        receiver.MapPost("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            lock (received)
            {
                received.Write(body.ToArray());
            }

            context.Response.ContentType = "application/grpc";
            await context.Response.Body.WriteAsync(new byte[5]);
            context.Response.AppendTrailer("grpc-status", "0");
        });
        await receiver.StartAsync(TestContext.Current.CancellationToken);
        return receiver;
    }
}
