using System.Collections.Immutable;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>An extension provider and the service that is meant by it; null where there is none such.</summary>
internal sealed record ResolvedProvider(ExtensionProviderSpec Spec, ServiceKey? Service)
{
    /// <summary>What proxies are told: also where nobody knows the service, for then every check fails as its provider says.</summary>
    public Authorizer AuthorizerOr(string rootNamespace) =>
        Spec.Authorizer with { Service = Service ?? new ServiceKey(Spec.Namespace ?? rootNamespace, Spec.Hostname) };

    public bool IsSameAs(ResolvedProvider other) => ReferenceEquals(Spec, other.Spec) && Service == other.Service;
}

/// <summary>Finds the services of extension providers.</summary>
internal static class ExtensionProviders
{
    /// <param name="readings">All objects.</param>
    /// <param name="options">Where the mesh's configuration stands.</param>
    /// <returns>Those of the root namespace, by name.</returns>
    public static ImmutableDictionary<string, ResolvedProvider> Resolve(List<Reading> readings, TranslationOptions options)
    {
        MeshConfigSpec? config = readings.Select(reading => reading.Spec).OfType<MeshConfigSpec>()
            .FirstOrDefault(spec => spec.Namespace == options.RootNamespace);
        if (config is null || config.Providers.IsEmpty)
        {
            return ImmutableDictionary<string, ResolvedProvider>.Empty;
        }

        ILookup<string, string> namespaces = Names(readings, options).ToLookup(name => name.Hostname, name => name.Namespace);
        return config.Providers.ToImmutableDictionary(
            provider => provider.Name,
            provider =>
            {
                string hostname = MeshHosts.Resolve(provider.Hostname, provider.Namespace ?? options.RootNamespace, options.ClusterDomain);
                string? found = namespaces[hostname]
                    .Where(name => provider.Namespace is null || provider.Namespace == name)
                    .Order(StringComparer.Ordinal)
                    .FirstOrDefault();
                return new ResolvedProvider(provider, found is null ? null : new ServiceKey(found, hostname));
            },
            StringComparer.Ordinal);
    }

    /// <summary>Whom a CUSTOM policy has asked; null, and reported, where nobody of that name is known.</summary>
    /// <param name="policy">Of any action; nobody is asked for others.</param>
    /// <param name="providers">By name.</param>
    /// <param name="options">Where the mesh's configuration stands.</param>
    /// <param name="report">Takes what is to be said of the policy: severity, field, reason, hint.</param>
    public static Authorizer? Find(
        AuthorizationPolicySpec policy,
        ImmutableDictionary<string, ResolvedProvider> providers,
        TranslationOptions options,
        Action<RawObject, DiagnosticSeverity, string, string, string> report)
    {
        const string Field = "spec.provider.name";
        if (policy.Action != PolicyAction.Custom)
        {
            return null;
        }

        if (!providers.TryGetValue(policy.Provider, out ResolvedProvider? provider))
        {
            report(
                policy.Source,
                DiagnosticSeverity.Error,
                Field,
                $"There is no provider '{policy.Provider}' to ask, so what the policy matches is denied.",
                $"Write it into extensionProviders of data.mesh of the ConfigMap istio in {options.RootNamespace}.");
            return null;
        }

        if (provider.Service is null)
        {
            report(
                policy.Source,
                DiagnosticSeverity.Warning,
                Field,
                $"'{policy.Provider}' is at {provider.Spec.Hostname}, which is no service of the mesh, so it cannot be asked.",
                string.Empty);
        }

        return provider.AuthorizerOr(options.RootNamespace);
    }

    private static IEnumerable<(string Hostname, string Namespace)> Names(List<Reading> readings, TranslationOptions options)
    {
        foreach (Reading reading in readings)
        {
            switch (reading.Spec)
            {
                case ServiceSpec service:
                    yield return ($"{service.Name}.{service.Namespace}.svc.{options.ClusterDomain}", service.Namespace);
                    break;
                case ServiceEntrySpec entry:
                    foreach (string host in entry.Hosts)
                    {
                        yield return (host, entry.Namespace);
                    }

                    break;
            }
        }
    }
}
