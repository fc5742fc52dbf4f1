using System.Collections.Immutable;

namespace Mesh.Control.Serving.Xds;

/// <summary>
/// What a proxy has refused of one type and not taken since. A refusal names its response, not the resources in it: a proxy applies what is
/// good in a response and says in words what is not. A resource counts as refused if the words name it, and if they name none of the
/// response, all of them do. Owned by its stream.
/// </summary>
internal sealed class RefusedResources
{
    private const int ShownMax = 20;

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>The proxy refused a response, or parts of it.</summary>
    public void Refuse(ImmutableArray<string> resources, string reason)
    {
        ImmutableArray<string> named = [.. resources.Where(name => reason.Contains(name, StringComparison.Ordinal))];
        _names.ExceptWith(resources);
        _names.UnionWith(named.IsEmpty ? resources : named);
    }

    /// <summary>The proxy took over a response.</summary>
    public void Accept(ImmutableArray<string> resources) => _names.ExceptWith(resources);

    /// <summary>The last refusal with what is refused now; null when nothing is.</summary>
    public RejectionStatus? ShowWith(RejectionStatus? last) =>
        last is null || _names.Count == 0 ? null : last with { Resources = [.. _names.Order(StringComparer.Ordinal).Take(ShownMax)] };
}
