using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Checks WorkloadGroup (networking.istio.io). Nothing registers itself here, so that nothing comes of it.</summary>
internal static class WorkloadGroupReader
{
    private static readonly string[] s_specFields = ["metadata", "probe", "template"];
    private static readonly string[] s_metadataFields = ["annotations", "labels"];
    private static readonly string[] s_templateFields = ["address", "labels", "locality", "network", "ports", "serviceAccount", "weight"];

    public static void Check(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "A WorkloadGroup needs a spec.");
            return;
        }

        spec.RefuseUnknown("WorkloadGroup", s_specFields);
        if (spec.Section("metadata") is { } metadata)
        {
            metadata.RefuseUnknown("metadata", s_metadataFields);
            metadata.TextMap("labels");
            metadata.TextMap("annotations");
        }

        if (spec.Section("template") is not { } template)
        {
            spec.Error("template", "The field is required.");
            return;
        }

        template.RefuseUnknown("template", s_templateFields);
        template.TextMap("labels");
        if (template.Section("ports") is { } ports)
        {
            foreach (RawEntry port in ports.Entries)
            {
                ports.Integer(port.Key, 1, TrafficFields.PortMax);
            }
        }

        if (!diagnostics.HasErrors)
        {
            root.Warning(
                "kind",
                "The WorkloadGroup is sound, but nothing registers itself in this mesh, so it has no effect.",
                "Write a WorkloadEntry for each machine.");
        }
    }
}
