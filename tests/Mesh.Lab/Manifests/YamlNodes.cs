using System.Diagnostics.CodeAnalysis;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Mesh.Lab.Manifests;

/// <summary>Paths into YAML trees. A path that leads nowhere is null, never an exception: manifests are written by people.</summary>
internal static class YamlNodes
{
    public static YamlNode? Find(this YamlNode node, params ReadOnlySpan<string> path)
    {
        YamlNode? current = node;
        foreach (string key in path)
        {
            if (current is not YamlMappingNode mapping || !mapping.Children.TryGetValue(new YamlScalarNode(key), out current))
            {
                return null;
            }
        }

        return IsNull(current) ? null : current;
    }

    public static string? Text(this YamlNode node, params ReadOnlySpan<string> path)
    {
        return (node.Find(path) as YamlScalarNode)?.Value;
    }

    public static IEnumerable<YamlNode> Items(this YamlNode node, params ReadOnlySpan<string> path)
    {
        return node.Find(path) is YamlSequenceNode sequence ? sequence.Children : [];
    }

    /// <summary>The texts of a sequence of scalars; null when there is no sequence at the path.</summary>
    public static string[]? Texts(this YamlNode node, params ReadOnlySpan<string> path)
    {
        return node.Find(path) is YamlSequenceNode sequence
            ? [.. sequence.Children.OfType<YamlScalarNode>().Select(item => item.Value ?? "")]
            : null;
    }

    /// <summary>The entries of a mapping of scalars, such as labels.</summary>
    public static Dictionary<string, string> Entries(this YamlNode node, params ReadOnlySpan<string> path)
    {
        var entries = new Dictionary<string, string>(StringComparer.Ordinal);
        if (node.Find(path) is YamlMappingNode mapping)
        {
            foreach ((YamlNode key, YamlNode value) in mapping.Children)
            {
                if (key is YamlScalarNode { Value: { } name } && value is YamlScalarNode text)
                {
                    entries[name] = text.Value ?? "";
                }
            }
        }

        return entries;
    }

    public static bool TryPort(this YamlNode node, string key, out ushort port)
    {
        port = 0;
        return node.Text(key) is { } text && ushort.TryParse(text, out port) && port != 0;
    }

    /// <summary>The mapping at the path, made when it is not there.</summary>
    public static YamlMappingNode Mapping(this YamlMappingNode node, params ReadOnlySpan<string> path)
    {
        YamlMappingNode current = node;
        foreach (string key in path)
        {
            if (current.Find(key) is not YamlMappingNode next)
            {
                next = new YamlMappingNode();
                current.Children[new YamlScalarNode(key)] = next;
            }

            current = next;
        }

        return current;
    }

    public static void Set(this YamlMappingNode node, string key, YamlNode value)
    {
        node.Children[new YamlScalarNode(key)] = value;
    }

    /// <summary>Sets a text that stays a text for every reader, whatever it looks like.</summary>
    public static void Set(this YamlMappingNode node, string key, string value)
    {
        node.Set(key, new YamlScalarNode(value) { Style = ScalarStyle.DoubleQuoted });
    }

    public static void Remove(this YamlMappingNode node, string key)
    {
        node.Children.Remove(new YamlScalarNode(key));
    }

    private static bool IsNull([NotNullWhen(false)] YamlNode? node)
    {
        return node is null or YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "~" or "null" };
    }
}
