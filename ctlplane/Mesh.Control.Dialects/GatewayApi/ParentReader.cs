using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>Reads parentRefs of a route: the Services it is attached to.</summary>
internal static class ParentReader
{
    public const int ParentsMax = 32;

    private static readonly string[] s_fields = ["group", "kind", "name", "namespace", "port", "sectionName"];

    /// <summary>The Services an object names as its parents, without a word about what else is wrong with it.</summary>
    public static ImmutableArray<ServiceParent> ReadQuietly(RawObject source)
    {
        var unheard = new ObjectDiagnostics(source);
        return new FieldReader(source.Fields, string.Empty, unheard).Section("spec") is { } spec
            ? Read(spec, source.Key.Namespace)
            : [];
    }

    public static ImmutableArray<ServiceParent> Read(FieldReader spec, string @namespace)
    {
        ImmutableArray<ServiceParent>.Builder parents = ImmutableArray.CreateBuilder<ServiceParent>();
        List<FieldReader> sections = spec.Sections("parentRefs");
        if (sections.Count > ParentsMax)
        {
            spec.Error("parentRefs", $"{sections.Count} parents; {ParentsMax} are allowed.");
        }

        foreach (FieldReader parent in sections)
        {
            parent.RefuseUnknown("A parent", s_fields);
            string? kind = parent.Text("kind");
            string? group = parent.Text("group");
            if (kind != "Service" || group != string.Empty)
            {
                parent.Warning(
                    "kind",
                    $"Routes of a {kind ?? "Gateway"} are not supported; the route has no effect there.",
                    "Attach it to a Service, of group \"\".");
                continue;
            }

            string? own = parent.Text("namespace");
            string? section = parent.Text("sectionName");
            int? port = parent.Integer("port", 1, TrafficFields.PortMax);
            if (parent.RequiredText("name") is not { } name)
            {
                continue;
            }

            if (parents.Any(other => other.Service == name && other.Namespace == (own ?? @namespace)
                && other.Port == port && other.PortName == section))
            {
                parent.Error("name", $"The Service {own ?? @namespace}/{name} is a parent twice.", "Tell them apart by port.");
                continue;
            }

            parents.Add(new ServiceParent(
                own ?? @namespace, name, port, section, parent.Path, new ParentReference(group, kind, own, name, section, port)));
        }

        return parents.ToImmutable();
    }
}
