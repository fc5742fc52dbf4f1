using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads DestinationRule (networking.istio.io): subsets, and how requests are carried.</summary>
internal static class DestinationRuleReader
{
    private static readonly string[] s_specFields = ["exportTo", "host", "subsets", "trafficPolicy", "workloadSelector"];
    private static readonly string[] s_subsetFields = ["labels", "name", "trafficPolicy"];

    public static DestinationRuleSpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "A DestinationRule needs a spec.");
            return null;
        }

        spec.RefuseUnknown("DestinationRule", s_specFields);
        if (spec.Has("workloadSelector"))
        {
            spec.Error("workloadSelector", "A rule for some clients of a namespace is not supported.", "Use exportTo.");
        }

        string? host = spec.RequiredText("host");
        if (host is not null && host != "*" && !MeshHosts.IsHost(host))
        {
            spec.Error("host", $"'{host}' is not a host name, nor *. and one.");
        }

        return host is null ? null : new DestinationRuleSpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            CreatedAt = CreationTime.Read(root),
            Host = host,
            ExportedTo = ExportReader.Read(spec, source.Key.Namespace),
            Policy = TrafficPolicyReader.Read(spec),
            Subsets = ReadSubsets(spec),
        };
    }

    private static ImmutableArray<SubsetSpec> ReadSubsets(FieldReader spec)
    {
        ImmutableArray<SubsetSpec>.Builder subsets = ImmutableArray.CreateBuilder<SubsetSpec>();
        foreach (FieldReader subset in spec.Sections("subsets"))
        {
            subset.RefuseUnknown("A subset", s_subsetFields);
            if (subset.RequiredText("name") is not { } name)
            {
                continue;
            }

            if (!ManifestNames.IsSubdomain(name))
            {
                subset.Error("name", $"'{name}' is not the name of a subset.");
            }
            else if (subsets.Any(other => other.Name == name))
            {
                subset.Error("name", $"The subset {name} is there twice.");
            }
            else
            {
                subsets.Add(new SubsetSpec(name, subset.TextMap("labels"), TrafficPolicyReader.Read(subset)));
            }
        }

        return subsets.ToImmutable();
    }
}
