using System.Collections.Immutable;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Files;

/// <summary>Turns the text of one file into identified objects. All or nothing: a file with one unreadable object is unreadable.</summary>
internal static class ManifestReader
{
    private const string DefaultNamespace = "default";

    /// <exception cref="ManifestFormatException">The file holds something that is not an object with a kind and a name.</exception>
    public static ImmutableArray<RawObject> Read(string file, TextReader text)
    {
        ImmutableArray<RawObject>.Builder objects = ImmutableArray.CreateBuilder<RawObject>();
        foreach (RawNode root in YamlDocuments.Read(text))
        {
            AddObjects(objects, file, root, path: string.Empty);
        }

        return objects.ToImmutable();
    }

    private static void AddObjects(ImmutableArray<RawObject>.Builder objects, string file, RawNode node, string path)
    {
        if (node is not RawMapping fields)
        {
            throw new ManifestFormatException(
                node.Position, path, "Not an object.", "A manifest is a mapping with apiVersion, kind and metadata.");
        }

        string apiVersion = RequiredText(fields, "apiVersion", path);
        string kind = RequiredText(fields, "kind", path);
        if (kind.EndsWith("List", StringComparison.Ordinal) && fields.Find("items") is RawSequence items)
        {
            for (int index = 0; index < items.Items.Count; index++)
            {
                AddObjects(objects, file, items.Items[index], Join(path, $"items[{index}]"));
            }

            return;
        }

        if (fields.Find("metadata") is not RawMapping metadata)
        {
            throw new ManifestFormatException(
                fields.Position, Join(path, "metadata"), $"{kind} without metadata.", "Give it a metadata.name.");
        }

        string metadataPath = Join(path, "metadata");
        string name = RequiredText(metadata, "name", metadataPath);
        if (!ManifestNames.IsSubdomain(name))
        {
            throw new ManifestFormatException(
                metadata.Find("name")!.Position,
                Join(metadataPath, "name"),
                $"'{name}' is not a name.",
                "Use lower-case letters, digits, dashes and dots.");
        }

        int slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        string group = slash < 0 ? string.Empty : apiVersion[..slash];
        var key = new ObjectKey(group, kind, ReadNamespace(metadata, metadataPath, group, kind), name);
        objects.Add(new RawObject(key, apiVersion, fields, new Origin(file, fields.Position.Line)));
    }

    private static string ReadNamespace(RawMapping metadata, string path, string group, string kind)
    {
        // The cluster-scoped kinds this mesh reads. For kinds it does not read, the namespace does not matter.
        if (group.Length == 0 && kind is "Namespace" or "Node")
        {
            return string.Empty;
        }

        RawNode? node = metadata.Find("namespace");
        if (node is null or RawScalar { Kind: ScalarKind.Null })
        {
            return DefaultNamespace;
        }

        string text = RequiredText(metadata, "namespace", path);
        return ManifestNames.IsLabel(text)
            ? text
            : throw new ManifestFormatException(
                node.Position,
                Join(path, "namespace"),
                $"'{text}' is not a namespace.",
                "Use lower-case letters, digits and dashes, 63 at most.");
    }

    private static string RequiredText(RawMapping fields, string key, string path) => fields.Find(key) switch
    {
        RawScalar { Kind: ScalarKind.Text } scalar => scalar.Text,
        null => throw new ManifestFormatException(fields.Position, Join(path, key), $"'{key}' is missing."),
        RawNode other => throw new ManifestFormatException(
            other.Position, Join(path, key), $"'{key}' must be a string.", "Put it in quotes."),
    };

    private static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}
