using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Mesh.Lab.Manifests;

/// <summary>Reads files of YAML documents into manifests. Every problem is reported with its place, not only the first one.</summary>
internal static class ManifestReader
{
    private static readonly string[] s_extensions = [".yaml", ".yml", ".json"];

    /// <summary>Reads a file, or the manifest files of a directory and those below it.</summary>
    public static List<Manifest> ReadPath(string path, List<string> problems)
    {
        var manifests = new List<Manifest>();
        try
        {
            foreach (ManifestText document in ReadFiles(path))
            {
                manifests.AddRange(ReadText(document.Text, document.Source, problems));
            }
        }
        catch (LabException exception)
        {
            problems.Add(exception.Message);
        }

        return manifests;
    }

    /// <summary>The text of a file, or of the manifest files of a directory and those below it.</summary>
    /// <exception cref="LabException">There is no such file, or no manifest in the directory.</exception>
    public static IReadOnlyList<ManifestText> ReadFiles(string path)
    {
        if (File.Exists(path))
        {
            return [new ManifestText(File.ReadAllText(path), path)];
        }

        if (!Directory.Exists(path))
        {
            throw new LabException($"{path}: there is no such file or directory");
        }

        ManifestText[] files =
        [
            .. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
                .Where(file => s_extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase))
                .Order(StringComparer.Ordinal)
                .Select(file => new ManifestText(File.ReadAllText(file), file)),
        ];
        return files.Length > 0 ? files : throw new LabException($"{path}: holds no manifest ({string.Join(", ", s_extensions)})");
    }

    public static List<Manifest> ReadText(string text, string source, List<string> problems)
    {
        var manifests = new List<Manifest>();
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException exception)
        {
            problems.Add($"{source}:{exception.Start.Line}: {exception.Message}");
            return manifests;
        }

        foreach (YamlDocument document in stream.Documents)
        {
            Add(document.RootNode, source, manifests, problems);
        }

        return manifests;
    }

    private static void Add(YamlNode node, string source, List<Manifest> manifests, List<string> problems)
    {
        string place = $"{source}:{node.Start.Line}";
        if (node is YamlScalarNode { Value: null or "" })
        {
            return; // A document of comments alone.
        }

        if (node is not YamlMappingNode root)
        {
            problems.Add($"{place}: a manifest is a mapping with kind and metadata");
            return;
        }

        if (root.Text("kind") is not { Length: > 0 } kind)
        {
            problems.Add($"{place}: kind is missing");
            return;
        }

        if (!kind.All(char.IsAsciiLetter))
        {
            problems.Add($"{place}: kind '{kind}' is not a word of letters");
            return;
        }

        if (kind == "List")
        {
            foreach (YamlNode item in root.Items("items"))
            {
                Add(item, source, manifests, problems);
            }

            return;
        }

        if (root.Text("metadata", "name") is not { Length: > 0 } name)
        {
            problems.Add($"{place}: {kind}: metadata.name is missing");
            return;
        }

        string @namespace = Manifest.BelongsToNoNamespace(kind) ? "" : root.Text("metadata", "namespace") ?? "default";
        if (!DnsName.IsLabel(@namespace) && @namespace.Length > 0)
        {
            problems.Add($"{place}: {kind} {name}: metadata.namespace '{@namespace}' is not a DNS label");
            return;
        }

        if (!DnsName.IsSubdomain(name))
        {
            problems.Add($"{place}: {kind}: metadata.name '{name}' is not a DNS name (lower case letters, digits, '-' and '.')");
            return;
        }

        manifests.Add(new Manifest(root, new ObjectKey(kind, @namespace, name), place));
    }
}
