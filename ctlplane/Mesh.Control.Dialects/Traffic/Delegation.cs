using System.Collections.Immutable;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>
/// Puts the rules of delegated VirtualServices in the place of the rules that delegate to them. One level: a delegate delegates no
/// further. A rule of the delegate holds for what is in both matches, and is dropped where its own is not within the other.
/// </summary>
internal sealed class Delegation(
    ImmutableArray<VirtualServiceSpec> virtualServices,
    string clusterDomain,
    Action<RawObject, DiagnosticSeverity, string, string> report)
{
    private readonly HashSet<RawObject> _used = new(ReferenceEqualityComparer.Instance);

    /// <summary>The VirtualServices that have hosts, with no rule left that delegates.</summary>
    public ImmutableArray<VirtualServiceSpec> Expand()
    {
        ImmutableArray<VirtualServiceSpec> expanded =
        [
            .. virtualServices.Where(spec => !spec.IsDelegate).Select(spec =>
                spec.Rules.Any(rule => rule.Delegate is not null) ? spec with { Rules = Expand(spec) } : spec),
        ];
        foreach (VirtualServiceSpec unused in virtualServices.Where(spec => spec.IsDelegate && !_used.Contains(spec.Source)))
        {
            report(
                unused.Source,
                DiagnosticSeverity.Warning,
                "spec.hosts",
                "It has no hosts and no VirtualService delegates to it, so it has no effect.");
        }

        return expanded;
    }

    private ImmutableArray<RuleSpec> Expand(VirtualServiceSpec root)
    {
        ImmutableArray<RuleSpec>.Builder rules = ImmutableArray.CreateBuilder<RuleSpec>();
        foreach (RuleSpec rule in root.Rules)
        {
            if (rule.Delegate is not { } reference)
            {
                rules.Add(rule);
            }
            else if (Find(root, reference) is { } leaf)
            {
                _used.Add(leaf.Source);
                rules.AddRange(leaf.Rules.Select(own => Merge(root, rule, leaf, own)).OfType<RuleSpec>());
            }
        }

        return rules.ToImmutable();
    }

    private VirtualServiceSpec? Find(VirtualServiceSpec root, DelegateSpec reference)
    {
        string name = $"{reference.Namespace}/{reference.Name}";
        VirtualServiceSpec? leaf = virtualServices.FirstOrDefault(
            spec => spec.Name == reference.Name && spec.Namespace == reference.Namespace);
        string? problem = leaf is null ? $"There is no VirtualService {name}"
            : !leaf.IsDelegate ? $"The VirtualService {name} has hosts of its own"
            : !leaf.ExportedTo.Includes(root.Namespace) ? $"The VirtualService {name} is not exported to {root.Namespace}"
            : null;
        if (problem is not null)
        {
            report(root.Source, DiagnosticSeverity.Warning, reference.Field, $"{problem}; the route has no effect.");
            return null;
        }

        return leaf;
    }

    private RuleSpec? Merge(VirtualServiceSpec root, RuleSpec outer, VirtualServiceSpec leaf, RuleSpec inner)
    {
        ImmutableArray<MatchSpec> matches = outer.Matches.IsEmpty ? inner.Matches
            : inner.Matches.IsEmpty ? outer.Matches
            : [.. inner.Matches.SelectMany(own => outer.Matches.Select(wide => MatchMerger.Merge(wide, own))).OfType<MatchSpec>()];
        if (matches.IsEmpty && !(outer.Matches.IsEmpty && inner.Matches.IsEmpty))
        {
            report(
                leaf.Source,
                DiagnosticSeverity.Warning,
                $"{inner.Field}.match",
                $"No match is within one of {outer.Name}, which delegates here; the route has no effect there.");
            return null;
        }

        return inner with
        {
            Name = $"{outer.Name} {inner.Name}",
            Owner = leaf.Source,
            Matches = matches,
            Action = Inherit(inner.Action, outer.Action),
            Mirrors = inner.Action is ForwardAction && inner.Mirrors.IsEmpty ? [.. outer.Mirrors.Select(Qualify)] : inner.Mirrors,
            RequestHeaders = inner.RequestHeaders.IsEmpty ? outer.RequestHeaders : inner.RequestHeaders,
            ResponseHeaders = inner.ResponseHeaders.IsEmpty ? outer.ResponseHeaders : inner.ResponseHeaders,
            Cors = inner.Cors ?? outer.Cors,
        };

        // A short name is of the namespace it was written in.
        MirrorSpec Qualify(MirrorSpec mirror) => mirror with
        {
            Destination = mirror.Destination with
            {
                Host = MeshHosts.Resolve(mirror.Destination.Host!, root.Namespace, clusterDomain),
            },
        };
    }

    /// <summary>What the delegate leaves unsaid is as the rule says that delegates to it.</summary>
    private static RouteAction Inherit(RouteAction inner, RouteAction outer)
    {
        if (inner is not ForwardAction own || outer is not ForwardAction wide)
        {
            return inner;
        }

        FaultPolicy? fault = own.Fault ?? wide.Fault;
        bool rewrites = own.Rewrite is not null || own.Authority is not null;
        return own with
        {
            Rewrite = rewrites ? own.Rewrite : wide.Rewrite,
            Authority = rewrites ? own.Authority : wide.Authority,
            Fault = fault,
            Timeout = fault is null ? own.Timeout ?? wide.Timeout : null,
            Retries = fault is not null ? RetryPolicy.Never
                : ReferenceEquals(own.Retries, RetryPolicy.Default) ? wide.Retries
                : own.Retries,
        };
    }
}
