using System.Net;
using Mesh.Api.Identity;
using Mesh.Node.Model;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Tests.Telemetry;

/// <summary>A few workloads and connections between them.</summary>
internal static class TestMesh
{
    public static readonly Workload Cart = Pod("cart-1", "cart", "shop", "v1");
    public static readonly Workload Stock = Pod("stock-1", "stock", "shop", "v2");
    public static readonly Service StockService = new("shop", "stock.shop.svc.cluster.local") { Name = "stock" };

    private static readonly IPEndPoint s_client = IPEndPoint.Parse("10.1.0.5:40000");
    private static readonly IPEndPoint s_server = IPEndPoint.Parse("10.2.0.7:8080");

    public static Workload Pod(string name, string controller, string @namespace, string revision) => new()
    {
        Uid = $"Kubernetes//Pod/{@namespace}/{name}",
        Name = name,
        Namespace = @namespace,
        Identity = SpiffeId.Parse($"spiffe://cluster.local/ns/{@namespace}/sa/{controller}"),
        ClusterId = "Kubernetes",
        Locality = new Locality("north", "north-1", ""),
        CanonicalName = controller,
        CanonicalRevision = revision,
        ControllerName = controller,
    };

    public static MeshSnapshot Snapshot(IEnumerable<Workload> workloads, IEnumerable<Service>? services = null)
    {
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        foreach (Workload workload in workloads)
        {
            builder.SetWorkload(workload);
        }

        foreach (Service service in services ?? [])
        {
            builder.SetService(service);
        }

        builder.MarkComplete();
        return builder.Build();
    }

    /// <summary>A connection that nothing is known of but who connected.</summary>
    public static ConnectionRecord Accepted(ConnectionPath path, long startedMs = 0) => new(path, s_client, s_server, startedMs);

    /// <summary>From <see cref="Cart"/> to <see cref="Stock"/> through its service, under mutual TLS where it crosses nodes.</summary>
    public static ConnectionRecord CartToStock(ConnectionPath path, Workload? source = null, Workload? destination = null)
    {
        ConnectionRecord record = Accepted(path);
        record.Source = source ?? Cart;
        record.SourceIdentity = record.Source.Identity;
        record.DestinationWorkload = destination ?? Stock;
        record.DestinationIdentity = record.DestinationWorkload.Identity;
        record.Service = StockService;
        record.IsMutualTls = path is ConnectionPath.Outbound or ConnectionPath.InboundHbone;
        return record;
    }
}
