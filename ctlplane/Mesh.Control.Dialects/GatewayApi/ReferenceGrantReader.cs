using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>Reads ReferenceGrant. One that is broken grants nothing.</summary>
internal static class ReferenceGrantReader
{
    private const int ItemsMax = 16;

    private static readonly string[] s_specFields = ["from", "to"];
    private static readonly string[] s_fromFields = ["group", "kind", "namespace"];
    private static readonly string[] s_toFields = ["group", "kind", "name"];

    public static ReferenceGrantSpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "A ReferenceGrant needs a spec.");
            return null;
        }

        spec.RefuseUnknown("ReferenceGrant", s_specFields);
        ImmutableArray<(string Group, string Kind, string Namespace)>.Builder from =
            ImmutableArray.CreateBuilder<(string Group, string Kind, string Namespace)>();
        foreach (FieldReader item in Sections(spec, "from"))
        {
            item.RefuseUnknown("Who may refer", s_fromFields);
            if (item.RequiredText("group") is { } group && item.RequiredText("kind") is { } kind
                && item.RequiredText("namespace") is { } @namespace)
            {
                from.Add((group, kind, @namespace));
            }
        }

        ImmutableArray<(string Group, string Kind, string? Name)>.Builder to =
            ImmutableArray.CreateBuilder<(string Group, string Kind, string? Name)>();
        foreach (FieldReader item in Sections(spec, "to"))
        {
            item.RefuseUnknown("What may be referred to", s_toFields);
            if (item.RequiredText("group") is { } group && item.RequiredText("kind") is { } kind)
            {
                string? name = item.Text("name");
                to.Add((group, kind, string.IsNullOrEmpty(name) ? null : name));
            }
        }

        return new ReferenceGrantSpec { Namespace = source.Key.Namespace, From = from.ToImmutable(), To = to.ToImmutable() };
    }

    private static List<FieldReader> Sections(FieldReader spec, string key)
    {
        List<FieldReader> sections = spec.Sections(key);
        if (sections.Count is 0 or > ItemsMax)
        {
            spec.Error(key, $"{sections.Count} items; 1 to {ItemsMax} are allowed.");
        }

        return sections;
    }
}
