using System.Collections.Immutable;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Files;

/// <summary>Turns the text of one file into identified objects. All or nothing: a file with one unreadable object is unreadable.</summary>
internal static class ManifestReader
{
    private const string DefaultNamespace = "default";
    private const string ListSuffix = "List";

    /// <exception cref="ManifestFormatException">The file holds something that is not an object with a kind and a name.</exception>
    public static ImmutableArray<RawObject> Read(string file, TextReader text)
    {
        ImmutableArray<RawObject>.Builder objects = ImmutableArray.CreateBuilder<RawObject>();
        foreach (RawNode root in YamlDocuments.Read(text))
        {
            AddObjects(objects, file, root, path: string.Empty, list: null);
        }

        return objects.ToImmutable();
    }

    /// <param name="objects">Where they go.</param>
    /// <param name="file">Relative to the configuration directory.</param>
    /// <param name="node">An object or a list of objects.</param>
    /// <param name="path">Of the node in the document.</param>
    /// <param name="list">The list the node stands in, if any. The API server's own lists say once for all items what they are.</param>
    private static void AddObjects(ImmutableArray<RawObject>.Builder objects, string file, RawNode node, string path, TypedList? list)
    {
        if (node is not RawMapping fields)
        {
            throw new ManifestFormatException(
                node.Position, path, "Not an object.", "A manifest is a mapping with apiVersion, kind and metadata.");
        }

        string apiVersion = TextOr(list?.ApiVersion, fields, "apiVersion", path);
        string kind = TextOr(list?.ItemKind, fields, "kind", path);
        if (kind.EndsWith(ListSuffix, StringComparison.Ordinal) && fields.Find("items") is RawSequence items)
        {
            string itemKind = kind[..^ListSuffix.Length];
            TypedList? typed = itemKind.Length == 0 ? null : new TypedList(apiVersion, itemKind);
            for (int index = 0; index < items.Items.Count; index++)
            {
                AddObjects(objects, file, items.Items[index], Join(path, $"items[{index}]"), typed);
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
        int slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        string group = slash < 0 ? string.Empty : apiVersion[..slash];
        if (!IsName(name, group))
        {
            throw new ManifestFormatException(
                metadata.Find("name")!.Position,
                Join(metadataPath, "name"),
                $"'{name}' is not a name.",
                "Use lower-case letters, digits, dashes and dots.");
        }

        var key = new ObjectKey(group, kind, ReadNamespace(metadata, metadataPath, group, kind), name);
        if (group.Length == 0 && kind == "ConfigMap" && name == "istio")
        {
            fields = MeshConfigText.Expand(fields);
        }

        objects.Add(new RawObject(key, apiVersion, fields, new Origin(file, fields.Position.Line)));
    }

    /// <summary>
    /// Kinds of other groups have rules of their own (a ClusterRole may be named <c>system:node</c>); they are not read, only told apart.
    /// </summary>
    private static bool IsName(string name, string group) =>
        group.Length == 0 || group.EndsWith(".istio.io", StringComparison.Ordinal)
            ? ManifestNames.IsSubdomain(name)
            : name.Length is > 0 and <= ManifestNames.SubdomainCharsMax && !name.AsSpan().ContainsAny('/', '%');

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

    private static string TextOr(string? given, RawMapping fields, string key, string path) =>
        given is not null && fields.Find(key) is null ? given : RequiredText(fields, key, path);

    private static string RequiredText(RawMapping fields, string key, string path) => fields.Find(key) switch
    {
        RawScalar { Kind: ScalarKind.Text } scalar => scalar.Text,
        null => throw new ManifestFormatException(fields.Position, Join(path, key), $"'{key}' is missing."),
        RawNode other => throw new ManifestFormatException(
            other.Position, Join(path, key), $"'{key}' must be a string.", "Put it in quotes."),
    };

    private static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";

    /// <summary>What the items of a list such as PodList are, where they do not say so themselves.</summary>
    private sealed record TypedList(string ApiVersion, string ItemKind);
}
