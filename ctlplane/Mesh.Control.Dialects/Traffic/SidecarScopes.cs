using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Traffic;

/// <param name="Namespace">A name, <c>*</c> for all, <c>.</c> for the client's own, <c>~</c> for none.</param>
/// <param name="Name">A host name, <c>*.</c> and one, or <c>*</c>.</param>
/// <param name="IsExcluded">It takes out what others take in.</param>
/// <param name="Port">The service's port it is for; null for every one.</param>
internal sealed record SidecarHost(string Namespace, string Name, bool IsExcluded, int? Port);

/// <summary>A Sidecar of a namespace, of some of its workloads or, of the root namespace, of the mesh.</summary>
internal sealed record SidecarSpec
{
    public required RawObject Source { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Null where nothing is said, so that everything is seen.</summary>
    public required ImmutableArray<SidecarHost>? Hosts { get; init; }

    /// <summary>Which workloads of the namespace it is for; null for all, of the root namespace for those of others too.</summary>
    public required Labels? Selector { get; init; }

    /// <summary>Whether their connections go to what the mesh knows and nowhere else; null where the mesh says it.</summary>
    public required bool? IsRegistryOnly { get; init; }
}

/// <summary>
/// Which services' rules clients of a namespace find. It scopes what is configured and is no firewall: to what is not seen requests go as
/// they would without rules. Of several Sidecars of a namespace the oldest holds; a namespace without one has the root namespace's.
/// </summary>
internal sealed class SidecarScopes
{
    private readonly Dictionary<string, SidecarSpec> _byNamespace = new(StringComparer.Ordinal);
    private readonly SidecarSpec? _byDefault;

    public SidecarScopes(
        ImmutableArray<SidecarSpec> sidecars, string rootNamespace, Action<RawObject, DiagnosticSeverity, string, string> report)
    {
        foreach (SidecarSpec sidecar in sidecars
            .OrderBy(spec => spec.CreatedAt ?? DateTimeOffset.MaxValue)
            .ThenBy(spec => spec.Name, StringComparer.Ordinal))
        {
            if (!_byNamespace.TryAdd(sidecar.Namespace, sidecar))
            {
                report(
                    sidecar.Source,
                    DiagnosticSeverity.Warning,
                    "spec",
                    $"The namespace has the Sidecar {_byNamespace[sidecar.Namespace].Name} already; this one has no effect.");
            }
        }

        _byDefault = _byNamespace.GetValueOrDefault(rootNamespace);
    }

    /// <summary>The namespaces whose clients may see less, or more, than everyone of a service.</summary>
    public IEnumerable<string> ClientNamespaces(ServiceKey service) =>
        _byDefault is null ? _byNamespace.Keys : _byNamespace.Keys.Append(service.Namespace);

    /// <param name="client">A namespace; empty for those that nothing names.</param>
    /// <param name="service">Whose rules.</param>
    /// <param name="port">Of the service; null for what is said of all of them.</param>
    public bool IsSeen(string client, ServiceKey service, int? port)
    {
        if ((client.Length == 0 ? _byDefault : _byNamespace.GetValueOrDefault(client, _byDefault!))?.Hosts is not { } hosts)
        {
            return true;
        }

        bool isSeen = false;
        foreach (SidecarHost host in hosts)
        {
            bool isMeant = (host.Port is null || port is null || host.Port == port)
                && (host.Namespace == "*" || (host.Namespace == "." ? client : host.Namespace) == service.Namespace)
                && (host.Name == "*" || MeshHosts.Covers(host.Name, service.Hostname));
            if (isMeant && host.IsExcluded)
            {
                return false;
            }

            isSeen |= isMeant;
        }

        return isSeen;
    }
}
