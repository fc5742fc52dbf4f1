using System.Collections.Immutable;
using System.Net;
using Mesh.Api.Identity;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Tests;

/// <summary>Values of which a test cares about few parts.</summary>
internal static class Some
{
    public static SpiffeId Identity(string @namespace = "default", string serviceAccount = "client", string trustDomain = "cluster.local") =>
        SpiffeId.Create(TrustDomain.Parse(trustDomain), @namespace, serviceAccount);

    public static Workload Workload(
        string name, string address = "", string @namespace = "default", string serviceAccount = "server", string network = "") => new()
        {
            Uid = $"Kubernetes//Pod/{@namespace}/{name}",
            Name = name,
            Namespace = @namespace,
            Identity = Identity(@namespace, serviceAccount),
            Network = network,
            Addresses = address.Length == 0 ? [] : [IPAddress.Parse(address)],
            TunnelProtocol = TunnelProtocol.Hbone,
            ClusterId = "Kubernetes",
        };

    public static Service Service(
        string name, string address = "", string @namespace = "default", params ReadOnlySpan<ServicePort> ports) =>
        new(@namespace, $"{name}.{@namespace}.svc.cluster.local")
        {
            Name = name,
            Addresses = address.Length == 0 ? [] : [new NetworkPrefix("", IpPrefix.Parse(address))],
            Ports = ports.IsEmpty ? [new ServicePort(80, 8080, PortProtocol.Detect)] : [.. ports],
        };

    public static Workload EndpointOf(this Workload workload, Service service, params ReadOnlySpan<ServicePort> ports) =>
        workload with { Services = workload.Services.Add(new ServiceMembership(service.Key, [.. ports])) };

    public static AuthorizationPolicy Policy(
        string name, PolicyAction action, PolicyScope scope = PolicyScope.Namespace, params ReadOnlySpan<AuthorizationRule> rules) =>
        new("default", name) { Action = action, Scope = scope, Rules = [.. rules] };

    /// <summary>A rule with one clause of these matches.</summary>
    public static AuthorizationRule Rule(params ImmutableArray<AuthorizationMatch> matches) => new([new AuthorizationClause(matches)]);

    public static AuthorizationRule RuleOfClauses(params AuthorizationMatch[][] clauses) =>
        new([.. clauses.Select(matches => new AuthorizationClause([.. matches]))]);

    public static ConnectionFacts Facts(SpiffeId? peer = null, string source = "10.0.0.9", string destination = "10.0.0.1", ushort port = 8080) =>
        new(peer, IPAddress.Parse(source), IPAddress.Parse(destination), port, "");

    /// <summary>A complete snapshot of these policies and workloads.</summary>
    public static MeshSnapshot Snapshot(IEnumerable<AuthorizationPolicy>? policies = null, IEnumerable<Workload>? workloads = null, IEnumerable<Service>? services = null)
    {
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        builder.MarkComplete();
        foreach (AuthorizationPolicy policy in policies ?? [])
        {
            builder.SetPolicy(policy);
        }

        foreach (Workload workload in workloads ?? [])
        {
            builder.SetWorkload(workload);
        }

        foreach (Service service in services ?? [])
        {
            builder.SetService(service);
        }

        return builder.Build();
    }
}
