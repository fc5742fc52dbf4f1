using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace Mesh.Bench.Peers;

/// <summary>YARP as its documentation sets it up: one route, one cluster, and no log, since no peer writes one.</summary>
internal static class YarpProxy
{
    private const string Cluster = "origin";

    /// <param name="listen">Where requests are taken.</param>
    /// <param name="origin">The address and port of who answers them.</param>
    public static async Task RunAsync(IPEndPoint listen, string origin)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(listen, options => options.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddReverseProxy().LoadFromMemory(
            [new RouteConfig { RouteId = "all", ClusterId = Cluster, Match = new RouteMatch { Path = "{**rest}" } }],
            [
                new ClusterConfig
                {
                    ClusterId = Cluster,
                    Destinations = new Dictionary<string, DestinationConfig>(StringComparer.Ordinal)
                    {
                        [Cluster] = new DestinationConfig { Address = $"http://{origin}/" },
                    },
                    HttpRequest = new ForwarderRequestConfig
                    {
                        Version = HttpVersion.Version11,
                        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                    },
                },
            ]);
        await using WebApplication proxy = builder.Build();
        proxy.MapReverseProxy();
        await proxy.RunAsync();
    }
}
