namespace Mesh.Lab.Manifests;

/// <summary>The labels by which a pod or a namespace asks for the mesh: the mesh's own before the one of an ambient mesh.</summary>
internal static class Enrolment
{
    /// <returns>Null when the labels say nothing.</returns>
    public static bool? Asked(IReadOnlyDictionary<string, string> labels) => labels.GetValueOrDefault("mesh-node.io/capture") switch
    {
        "enabled" => true,
        "disabled" => false,
        _ => labels.GetValueOrDefault("istio.io/dataplane-mode") switch
        {
            "ambient" => true,
            "none" => false,
            _ => null,
        },
    };
}
