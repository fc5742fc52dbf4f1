using System.Collections.Immutable;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>A kind that is followed in the API server.</summary>
/// <param name="Group">Empty for the core kinds.</param>
/// <param name="Kind">As objects say it.</param>
/// <param name="Plural">As paths say it.</param>
/// <param name="Versions">The ones understood, the preferred one first. The first that is served is read.</param>
/// <param name="Kept">What is kept of each object. Everything else is not even held in memory.</param>
public sealed record WatchedKind(string Group, string Kind, string Plural, ImmutableArray<string> Versions, KeptFields Kept)
{
    /// <summary>As <c>kubectl</c> names it: <c>pods</c>, <c>virtualservices.networking.istio.io</c>.</summary>
    public string Resource => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>Whether every API server has it, so that nothing need be asked first.</summary>
    public bool IsBuiltIn => Group.Length == 0;

    /// <summary>The one namespace whose objects are followed; null for all of the cluster.</summary>
    public string? Namespace { get; init; }

    /// <summary>The one object that is followed; null for all.</summary>
    public string? Name { get; init; }

    /// <summary>The path of what is listed and watched.</summary>
    /// <param name="version">Of the group.</param>
    /// <param name="query">Without a question mark.</param>
    public string ListOf(string version, string query)
    {
        string scope = Namespace is null ? string.Empty : $"namespaces/{Namespace}/";
        string selector = Name is null ? string.Empty : $"&fieldSelector=metadata.name%3D{Name}";
        return $"{PathOf(version)}/{scope}{Plural}?{query}{selector}";
    }

    /// <summary>The path of a version of the group.</summary>
    public string PathOf(string version) => Group.Length == 0 ? $"api/{version}" : $"apis/{Group}/{version}";

    /// <summary>What objects of a version say of themselves.</summary>
    public string ApiVersionOf(string version) => Group.Length == 0 ? version : $"{Group}/{version}";
}
