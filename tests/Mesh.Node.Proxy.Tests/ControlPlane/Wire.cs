using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Discovery;
using Mesh.Api.Trust;
using Mesh.Node.Proxy.Config;
using Security = Mesh.Api.Security;
using Workloads = Mesh.Api.Workload;

namespace Mesh.Node.Proxy.Tests.ControlPlane;

/// <summary>Messages of the discovery stream.</summary>
internal static class Wire
{
    private static int s_nonce;

    public static Workloads.Workload Workload(string name, string address = "10.0.0.1", string node = "node-1", string serviceAccount = "app") => new()
    {
        Uid = $"Kubernetes//Pod/default/{name}",
        Name = name,
        Namespace = "default",
        ServiceAccount = serviceAccount,
        Node = node,
        TunnelProtocol = Workloads.TunnelProtocol.Hbone,
        Addresses = { Bytes(address) },
    };

    public static Workloads.Service Service(string name, string address = "10.1.0.1") => new()
    {
        Name = name,
        Namespace = "default",
        Hostname = $"{name}.default.svc.cluster.local",
        Addresses = { new Workloads.NetworkAddress { Address = Bytes(address) } },
        Ports = { new Workloads.Port { ServicePort = 80, TargetPort = 8080 } },
    };

    public static Security.Authorization Policy(string name, Security.Action action = Security.Action.Deny, params Security.Match[] matches) => new()
    {
        Name = name,
        Namespace = "default",
        Scope = Security.Scope.Namespace,
        Action = action,
        Rules = { new Security.Rule { Clauses = { new Security.Clause { Matches = { matches } } } } },
    };

    public static ByteString Bytes(string address) => ByteString.CopyFrom(IPAddress.Parse(address).GetAddressBytes());

    public static Resource Resource(Workloads.Workload workload, string version = "1") =>
        Resource(workload.Uid, new Workloads.Address { Workload = workload }, version);

    public static Resource Resource(Workloads.Service service, string version = "1") =>
        Resource($"{service.Namespace}/{service.Hostname}", new Workloads.Address { Service = service }, version);

    public static Resource Resource(Security.Authorization policy, string version = "1") =>
        Resource($"{policy.Namespace}/{policy.Name}", policy, version);

    public static Resource Resource(TrustBundle bundle, string version = "1") => Resource(bundle.TrustDomain, bundle, version);

    public static Resource Resource(RevocationList list, string version = "1") =>
        Resource($"{list.TrustDomain}/{list.IssuerKeyId}", list, version);

    public static Resource Resource(string name, IMessage content, string version = "1") =>
        new() { Name = name, Version = version, Resource_ = Any.Pack(content) };

    public static DeltaDiscoveryResponse Response(string typeUrl, params ReadOnlySpan<Resource> resources)
    {
        var response = new DeltaDiscoveryResponse { TypeUrl = typeUrl, Nonce = $"n{Interlocked.Increment(ref s_nonce)}" };
        response.Resources.AddRange(resources.ToArray());
        return response;
    }

    public static DeltaDiscoveryResponse Removal(string typeUrl, params string[] names)
    {
        DeltaDiscoveryResponse response = Response(typeUrl);
        response.RemovedResources.AddRange(names);
        return response;
    }

    public static DeltaDiscoveryResponse Addresses(params ReadOnlySpan<Resource> resources) => Response(ResourceTypes.Address, resources);

    public static DeltaDiscoveryResponse Policies(params ReadOnlySpan<Resource> resources) => Response(ResourceTypes.Authorization, resources);
}
