using System.Collections.Immutable;
using System.Net;
using Mesh.Api.Identity;
using Mesh.Node.Model;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;

namespace Mesh.Bench.Micro.Model;

/// <summary>Configurations of a given size, made the way a control plane would make them.</summary>
internal static class BenchMeshes
{
    private static readonly TrustDomain s_trustDomain = TrustDomain.Parse("cluster.local");

    public static SpiffeId Identity(string account) => SpiffeId.Create(s_trustDomain, "shop", account);

    public static Workload Workload(int index, string account) => new()
    {
        Uid = $"Kubernetes//Pod/shop/pod-{index}",
        Name = $"pod-{index}",
        Namespace = "shop",
        Identity = Identity(account),
        Addresses = [Address(index)],
        Node = $"node-{index % 10}",
        ControllerName = account,
        CanonicalName = account,
        CanonicalRevision = "v1",
        TunnelProtocol = TunnelProtocol.Hbone,
        ClusterId = "Kubernetes",
    };

    /// <summary>One service, and as many endpoints as asked for.</summary>
    public static (MeshSnapshot Snapshot, Service Service) Endpoints(int count)
    {
        var service = new Service("shop", "cart.shop.svc.cluster.local")
        {
            Name = "cart",
            Addresses = [new NetworkPrefix("", IpPrefix.Parse("10.96.0.1"))],
            Ports = [new ServicePort(80, 8080, PortProtocol.Detect)],
        };
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        builder.MarkComplete();
        builder.SetService(service);
        for (int index = 0; index < count; index++)
        {
            builder.SetWorkload(Workload(index, "cart") with { Services = [new ServiceMembership(service.Key, [])] });
        }

        return (builder.Build(), service);
    }

    /// <summary>
    /// A namespace with as many ALLOW rules as asked for, ten a policy: by account, by prefix of a principal, by address.
    /// </summary>
    public static MeshSnapshot Policies(int rules)
    {
        const int RulesPerPolicy = 10;
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        builder.MarkComplete();
        for (int first = 0; first < rules; first += RulesPerPolicy)
        {
            builder.SetPolicy(new AuthorizationPolicy("shop", $"policy-{first}")
            {
                Action = PolicyAction.Allow,
                Scope = PolicyScope.Namespace,
                Rules = [.. Enumerable.Range(first, RulesPerPolicy).Select(Rule)],
            });
        }

        return builder.Build();
    }

    private static AuthorizationRule Rule(int index)
    {
        AuthorizationMatch from = (index % 3) switch
        {
            0 => new() { Principals = [TextMatch.Exact($"cluster.local/ns/shop/sa/account-{index}")] },
            1 => new() { Principals = [TextMatch.Prefix($"cluster.local/ns/team-{index}/")] },
            _ => new() { SourceAddresses = [IpPrefix.Parse($"{Address(index)}/32")] },
        };
        var to = new AuthorizationMatch { DestinationPorts = [8080] };
        return new AuthorizationRule([Clause(from), Clause(to)]);
    }

    private static AuthorizationClause Clause(AuthorizationMatch match) => new(ImmutableArray.Create(match));

    private static IPAddress Address(int index) => new([10, (byte)(1 + (index >> 16)), (byte)(index >> 8), (byte)index]);
}
