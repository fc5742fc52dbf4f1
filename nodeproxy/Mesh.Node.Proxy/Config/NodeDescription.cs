using System.Net;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Policies;

namespace Mesh.Node.Proxy.Config;

/// <summary>Who this proxy is, as the control plane wants to know it.</summary>
public sealed record NodeDescription
{
    /// <summary>The node: the control plane gives certificates only for what runs on it.</summary>
    public required string NodeName { get; init; }

    /// <summary>The cluster the node is in.</summary>
    public string Cluster { get; init; } = "Kubernetes";

    /// <summary>The network the node's workloads are in; empty is the default network.</summary>
    public string Network { get; init; } = "";

    /// <summary>The proxy's own name: its pod, or the node where there are no pods.</summary>
    public string ProxyName { get; init; } = "";

    public string ProxyNamespace { get; init; } = "istio-system";

    /// <summary>The proxy's own address. Control planes index by it and dislike none.</summary>
    public IPAddress Address { get; init; } = IPAddress.Parse("1.1.1.1");

    /// <summary>The form Istio's control plane expects of a node proxy.</summary>
    internal Api.Discovery.Node ToProto()
    {
        string name = ProxyName.Length > 0 ? ProxyName : NodeName;
        var metadata = new Struct();
        metadata.Fields["NAME"] = Value.ForString(name);
        metadata.Fields["NAMESPACE"] = Value.ForString(ProxyNamespace);
        metadata.Fields["INSTANCE_IPS"] = Value.ForString(Address.ToString());
        metadata.Fields["NODE_NAME"] = Value.ForString(NodeName);
        metadata.Fields["CLUSTER_ID"] = Value.ForString(Cluster);
        metadata.Fields["NETWORK"] = Value.ForString(Network);
        metadata.Fields[PolicyExtensions.NodeMetadataKey] = Value.ForString(PolicyExtensions.NodeMetadataValue);
        return new Api.Discovery.Node
        {
            Id = $"ztunnel~{Address}~{name}.{ProxyNamespace}~{ProxyNamespace}.svc.cluster.local",
            Cluster = Cluster,
            Metadata = metadata,
        };
    }
}
