using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mesh.Node.Capture.Cni;

/// <summary>The text of a network configuration, with our plug-in in it or without. Pure.</summary>
internal static class NetworkChain
{
    /// <summary>The longest file that is read.</summary>
    public const int FileBytesMax = 1024 * 1024;

    private const string PluginsKey = "plugins";
    private const string TypeKey = "type";

    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };
    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true };

    /// <summary>Puts a plug-in at the end of a chain, or makes it what it must be where it stands.</summary>
    /// <param name="text">A list of plug-ins, <c>.conflist</c>.</param>
    /// <param name="plugin">The plug-in as it must be.</param>
    /// <returns>The new text; null when nothing is to be changed.</returns>
    /// <exception cref="CaptureException">It is no network configuration; the message says why.</exception>
    public static string? Insert(ReadOnlySpan<byte> text, JsonObject plugin)
    {
        JsonObject network = Read(text);
        JsonArray plugins = PluginsOf(network);
        int[] own = OwnIn(plugins, plugin);
        if (own.Length == 1 && JsonNode.DeepEquals(plugins[own[0]], plugin))
        {
            return null;
        }

        // Where it stands already it stays: another may insist on being last too.
        int at = own.Length == 0 ? plugins.Count : own[0];
        foreach (int surplus in own.Reverse())
        {
            plugins.RemoveAt(surplus);
        }

        plugins.Insert(at, plugin.DeepClone());
        return Write(network);
    }

    /// <summary>Takes a plug-in out of a chain.</summary>
    /// <returns>The new text; null when it is not in it.</returns>
    /// <exception cref="CaptureException">It is no network configuration; the message says why.</exception>
    public static string? Remove(ReadOnlySpan<byte> text, JsonObject plugin)
    {
        JsonObject network = Read(text);
        JsonArray plugins = PluginsOf(network);
        int[] own = OwnIn(plugins, plugin);
        foreach (int index in own.Reverse())
        {
            plugins.RemoveAt(index);
        }

        return own.Length == 0 ? null : Write(network);
    }

    /// <summary>Makes a chain of a configuration that is one plug-in, <c>.conf</c>, with ours behind it.</summary>
    /// <exception cref="CaptureException">It is no network configuration; the message says why.</exception>
    public static string Convert(ReadOnlySpan<byte> text, JsonObject plugin)
    {
        JsonObject single = Read(text);
        if (single[TypeKey] is not JsonValue type || !type.TryGetValue(out string? _))
        {
            throw new CaptureException("it has no type, and is no plug-in's configuration");
        }

        JsonObject network = [];
        foreach (string key in (string[])["cniVersion", "name"])
        {
            if (single[key] is JsonNode value)
            {
                network[key] = value.DeepClone();
                single.Remove(key);
            }
        }

        network[PluginsKey] = new JsonArray(single.DeepClone(), plugin.DeepClone());
        return Write(network);
    }

    private static JsonObject Read(ReadOnlySpan<byte> text)
    {
        if (text.Length > FileBytesMax)
        {
            throw new CaptureException($"it is longer than {FileBytesMax} bytes");
        }

        try
        {
            JsonObject network = JsonNode.Parse(text, documentOptions: s_strict) as JsonObject
                ?? throw new CaptureException("it is no JSON object");
            return network["name"] is JsonValue name && name.TryGetValue(out string? _)
                ? network
                : throw new CaptureException("it has no name");
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            // The latter for a string that is no UTF-8, which is looked at when it is read.
            throw new CaptureException($"it is no JSON: {malformed.Message}", malformed);
        }
    }

    private static JsonArray PluginsOf(JsonObject network) =>
        network[PluginsKey] is JsonArray { Count: > 0 } plugins && plugins.All(entry => entry is JsonObject)
            ? plugins
            : throw new CaptureException("it has no list of plugins");

    private static int[] OwnIn(JsonArray plugins, JsonObject plugin) =>
    [
        .. Enumerable.Range(0, plugins.Count).Where(index => JsonNode.DeepEquals(plugins[index]![TypeKey], plugin[TypeKey])),
    ];

    private static string Write(JsonObject network) => network.ToJsonString(s_readable) + "\n";
}
