using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads exportTo: whose clients an object holds for.</summary>
internal static class ExportReader
{
    public static ExportScope Read(FieldReader spec, string @namespace)
    {
        ImmutableArray<string>.Builder namespaces = ImmutableArray.CreateBuilder<string>();
        bool isPublic = false;
        List<TextItem> items = spec.Texts("exportTo");
        foreach (TextItem item in items)
        {
            string name = item.Text == "." ? @namespace : item.Text;
            if (name == "*")
            {
                isPublic = true;
            }
            else if (!ManifestNames.IsLabel(name))
            {
                spec.Diagnostics.Error(item.Path, item.Position, $"'{item.Text}' is neither a namespace nor . nor *.");
            }
            else if (namespaces.Contains(name))
            {
                spec.Diagnostics.Error(item.Path, item.Position, $"The namespace {name} is named twice.");
            }
            else
            {
                namespaces.Add(name);
            }
        }

        if (isPublic && items.Count > 1)
        {
            spec.Error("exportTo", "* takes in every namespace and stands alone.");
        }

        return isPublic || namespaces.Count == 0 ? ExportScope.Everyone : new ExportScope(namespaces.ToImmutable());
    }
}
