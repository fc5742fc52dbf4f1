namespace Mesh.Lab.Manifests;

/// <summary>How a pod or a namespace asks for the mesh: the mesh's own label before the one of an ambient mesh, and Consul's last.</summary>
internal static class Enrolment
{
    private const string ConsulName = "consul.hashicorp.com/connect-inject";

    /// <summary>What Consul's annotation of a pod asks for.</summary>
    /// <returns>Null when there is none.</returns>
    public static bool? AskedByAnnotation(IReadOnlyDictionary<string, string> annotations) => OfConsul(annotations);

    /// <summary>What labels ask for.</summary>
    /// <returns>Null when the labels say nothing.</returns>
    public static bool? Asked(IReadOnlyDictionary<string, string> labels) => labels.GetValueOrDefault("mesh-node.io/capture") switch
    {
        "enabled" => true,
        "disabled" => false,
        _ => labels.GetValueOrDefault("istio.io/dataplane-mode") switch
        {
            "ambient" => true,
            "none" => false,
            _ => OfConsul(labels),
        },
    };

    private static bool? OfConsul(IReadOnlyDictionary<string, string> entries) => entries.GetValueOrDefault(ConsulName) switch
    {
        "true" => true,
        "false" => false,
        _ => null,
    };
}
