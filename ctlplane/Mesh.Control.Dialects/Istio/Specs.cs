using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>A WorkloadEntry, or an endpoint written inside a ServiceEntry.</summary>
internal sealed record WorkloadEntrySpec
{
    public required RawObject Source { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    /// <summary>Null where there is a <see cref="Hostname"/>.</summary>
    public required IPAddress? Address { get; init; }

    /// <summary>To be looked up, where there is no address.</summary>
    public required string? Hostname { get; init; }

    /// <summary>One of them.</summary>
    public string Place => Hostname ?? Address!.ToString();

    public required ImmutableArray<NamedPort> Ports { get; init; }

    public required Labels Labels { get; init; }

    /// <summary>Null: the mesh's default network.</summary>
    public required string? Network { get; init; }

    public required Locality Locality { get; init; }

    public required int? Weight { get; init; }

    public required string ServiceAccount { get; init; }
}

internal readonly record struct NamedPort(string Name, int Port);

internal enum EndpointResolution
{
    /// <summary>To the address the client dialled.</summary>
    None,

    /// <summary>To the endpoints listed or selected.</summary>
    Static,

    /// <summary>To every address that the endpoints' names have, or the hosts' own.</summary>
    Dns,

    /// <summary>To the address that is named first.</summary>
    DnsRoundRobin,
}

internal sealed record ServiceEntrySpec
{
    public required RawObject Source { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required ImmutableArray<string> Hosts { get; init; }

    public required ImmutableArray<VirtualAddress> Addresses { get; init; }

    public required ImmutableArray<ServiceEntryPort> Ports { get; init; }

    public required EndpointResolution Resolution { get; init; }

    public required ImmutableArray<WorkloadEntrySpec> Endpoints { get; init; }

    public required Labels? Selector { get; init; }

    /// <summary>Its hosts are looked up themselves.</summary>
    public bool IsFoundByItsHosts =>
        Resolution is EndpointResolution.Dns or EndpointResolution.DnsRoundRobin && Endpoints.IsEmpty && Selector is null;

    public required ImmutableArray<string> SubjectAltNames { get; init; }

    public required bool IsNamespaceLocal { get; init; }

    public required AllocationRequest Allocation { get; init; }
}

/// <param name="Name">Never empty.</param>
/// <param name="Port">What clients dial.</param>
/// <param name="TargetPort">0: the same, unless the endpoint says otherwise.</param>
/// <param name="Protocol">What is spoken.</param>
internal sealed record ServiceEntryPort(string Name, int Port, int TargetPort, ApplicationProtocol Protocol);

internal enum MutualTlsMode
{
    /// <summary>What the wider policy says.</summary>
    Unset,
    Permissive,
    Strict,
}

internal sealed record PeerAuthenticationSpec
{
    public required RawObject Source { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Null: the whole namespace, or in the root namespace the whole mesh.</summary>
    public required Labels? Selector { get; init; }

    /// <summary>Made of a version with errors, for want of a good one: who else it was meant for, nobody knows.</summary>
    public required bool IsStrictestReading { get; init; }

    public required MutualTlsMode Mode { get; init; }

    /// <summary>By port of the workload, not of a service.</summary>
    public required ImmutableSortedDictionary<int, MutualTlsMode> PortModes { get; init; }
}

internal enum PolicyTargetKind
{
    Service,
    ServiceEntry,
    Gateway,
}

internal readonly record struct PolicyTarget(PolicyTargetKind Kind, string Name);

internal sealed record AuthorizationPolicySpec
{
    public required RawObject Source { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required Labels? Selector { get; init; }

    public required ImmutableArray<PolicyTarget> Targets { get; init; }

    public required PolicyAction Action { get; init; }

    /// <summary>The authorizer of CUSTOM; empty for other actions.</summary>
    public required string Provider { get; init; }

    public required ImmutableArray<PolicyRule> Rules { get; init; }

    /// <summary>Of a RequestAuthentication; empty for others.</summary>
    public ImmutableArray<TokenRule> TokenRules { get; init; } = [];

    /// <summary>Of a RateLimit; empty for others.</summary>
    public ImmutableArray<RateLimit> RateLimits { get; init; } = [];

    public required bool IsDryRun { get; init; }
}

/// <summary>The mesh's configuration, as far as it is read.</summary>
internal sealed record MeshConfigSpec
{
    public required string Namespace { get; init; }

    public required ImmutableArray<ExtensionProviderSpec> Providers { get; init; }

    /// <summary>Of routes that say nothing of retries; null for what holds anyway.</summary>
    public RetryPolicy? DefaultRetries { get; init; }

    /// <summary>Workloads go to what the mesh knows and nowhere else, unless something narrower says otherwise.</summary>
    public bool IsRegistryOnly { get; init; }
}

/// <summary>Somebody who may be asked about requests.</summary>
/// <param name="Name">As policies call it.</param>
/// <param name="Namespace">Of its service; null where it is not said.</param>
/// <param name="Hostname">Of its service.</param>
/// <param name="Authorizer">How it is asked; its service is not looked for yet.</param>
internal sealed record ExtensionProviderSpec(string Name, string? Namespace, string Hostname, Authorizer Authorizer);

/// <summary>A Telemetry as written, reduced to what of it has an effect.</summary>
internal sealed record TelemetrySpec
{
    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Null for every workload of the namespace, and of the root namespace for those of others too.</summary>
    public required Labels? Selector { get; init; }

    /// <summary>In order: what comes later goes before what came earlier.</summary>
    public required ImmutableArray<AccessLoggingSpec> Logging { get; init; }
}

/// <param name="IsOfClients">For requests that workloads send.</param>
/// <param name="IsOfServers">For requests that they are sent.</param>
/// <param name="IsDisabled">There are to be no lines.</param>
/// <param name="Providers">Where lines go; none for those that a wider Telemetry names.</param>
internal sealed record AccessLoggingSpec(bool IsOfClients, bool IsOfServers, bool IsDisabled, ImmutableArray<string> Providers)
{
    /// <summary>The one provider there is: the log of the node.</summary>
    public const string Provider = "envoy";
}
