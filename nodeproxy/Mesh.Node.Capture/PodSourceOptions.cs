namespace Mesh.Node.Capture;

/// <summary>Which pods the agent captures. Section <c>pods</c> of the node's configuration file.</summary>
public sealed class PodSourceOptions
{
    /// <summary>A directory with one JSON file per pod, watched; null for none. It must exist.</summary>
    public string? Directory { get; set; }

    /// <summary>Namespaces that are captured as long as the agent runs with this configuration.</summary>
    public IReadOnlyList<NamedNamespaceOptions> Namespaces { get; set; } = [];
}
