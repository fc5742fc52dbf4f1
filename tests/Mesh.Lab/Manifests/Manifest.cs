using YamlDotNet.RepresentationModel;

namespace Mesh.Lab.Manifests;

/// <summary>
/// One object as its author wrote it. The tree is kept whole, so that a field this lab knows nothing of still reaches the control plane.
/// </summary>
internal sealed class Manifest
{
    private static readonly HashSet<string> s_clusterKinds = new(StringComparer.Ordinal) { "Namespace", "Node" };

    public Manifest(YamlMappingNode root, ObjectKey key, string source)
    {
        Root = root;
        Key = key;
        Source = source;
    }

    public YamlMappingNode Root { get; }

    public ObjectKey Key { get; }

    /// <summary>Where it was read: a file and the line it starts at.</summary>
    public string Source { get; }

    public static bool BelongsToNoNamespace(string kind) => s_clusterKinds.Contains(kind);

    public Dictionary<string, string> Labels => Root.Entries("metadata", "labels");

    public Dictionary<string, string> Annotations => Root.Entries("metadata", "annotations");

    /// <summary>A copy whose tree can be changed without changing this one.</summary>
    public Manifest Copy()
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(ToYaml()));
        return new Manifest((YamlMappingNode)stream.Documents[0].RootNode, Key, Source);
    }

    public string ToYaml()
    {
        var writer = new StringWriter();
        new YamlStream(new YamlDocument(Root)).Save(writer, assignAnchors: false);

        // The writer ends a document explicitly, which nothing that reads one file per object needs.
        string text = writer.ToString();
        return text.EndsWith("...\n", StringComparison.Ordinal) ? text[..^4] : text;
    }
}
