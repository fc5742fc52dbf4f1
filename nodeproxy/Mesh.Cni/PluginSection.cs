using System.Text.Json;
using System.Text.Json.Serialization;
using Mesh.Cni.Contract;

namespace Mesh.Cni;

/// <summary>
/// The plugin's own part of the network configuration as far as it can be understood. Immutable. A mistake in it takes nothing from the
/// rest: pods that are exempt start, or nobody could run what repairs it, and pods end.
/// </summary>
/// <param name="options">What it says; defaults in place of what is wrong.</param>
/// <param name="mistakes">What is wrong, each a sentence that names the key.</param>
[JsonConverter(typeof(PluginSectionConverter))]
internal sealed class PluginSection(PluginOptions options, IReadOnlyList<string> mistakes)
{
    public PluginOptions Options { get; } = options;

    public IReadOnlyList<string> Mistakes { get; } = mistakes;

    /// <exception cref="CniException">Something in it is wrong.</exception>
    public void RequireRight()
    {
        if (Mistakes.Count > 0)
        {
            throw new CniException(
                CniErrorCode.InvalidConfiguration,
                $"{PluginOptions.Key} of the network configuration is wrong, and what needs the agent of the mesh waits until it is right.",
                string.Join(' ', Mistakes));
        }
    }
}

/// <summary>
/// Reads any JSON value. A key that is not known is passed over: the file may be of a newer version, and its writer is the one to be
/// strict.
/// </summary>
internal sealed class PluginSectionConverter : JsonConverter<PluginSection>
{
    public override bool HandleNull => true;

    public override PluginSection Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        PluginOptions read = new();
        List<string> mistakes = [];
        JsonElement section = JsonElement.ParseValue(ref reader);
        if (section.ValueKind != JsonValueKind.Object)
        {
            mistakes.Add($"{PluginOptions.Key} is no object.");
            return new PluginSection(read, mistakes);
        }

        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (JsonProperty property in section.EnumerateObject())
        {
            if (!seen.Add(property.Name))
            {
                mistakes.Add($"A key of {PluginOptions.Key} is there twice.");
            }
            else if (Take(property, read) is string wrong)
            {
                mistakes.Add($"{PluginOptions.Key}.{property.Name} {wrong}.");
            }
        }

        return new PluginSection(read, mistakes);
    }

    public override void Write(Utf8JsonWriter writer, PluginSection value, JsonSerializerOptions options) =>
        throw new NotSupportedException("The agent writes it, the plugin reads it.");

    /// <returns>What is wrong with it; null when nothing is.</returns>
    private static string? Take(JsonProperty property, PluginOptions into)
    {
        JsonElement value = property.Value;
        switch (property.Name)
        {
            case "socketPath":
                into.SocketPath = TextOf(value) ?? into.SocketPath;
                return value.ValueKind == JsonValueKind.String ? null : "is no text";
            case "timeoutSeconds":
                return TakeTimeout(value, into);
            case "excludedNamespaces":
                into.ExcludedNamespaces = TextsOf(value, out string? wrongNamespace);
                return wrongNamespace;
            case "ownNamespace":
                into.OwnNamespace = TextOf(value) ?? into.OwnNamespace;
                return value.ValueKind == JsonValueKind.String ? null : "is no text";
            case "ownPodPrefixes":
                into.OwnPodPrefixes = TextsOf(value, out string? wrongPrefix);
                return wrongPrefix;
            case "reportsStatus":
                into.ReportsStatus = value.ValueKind == JsonValueKind.True;
                return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? null : "is neither true nor false";
            default:
                return null;
        }
    }

    private static string? TakeTimeout(JsonElement value, PluginOptions into)
    {
        if (value.ValueKind != JsonValueKind.Number
            || !value.TryGetInt32(out int seconds)
            || seconds is < PluginOptions.TimeoutSecondsMin or > PluginOptions.TimeoutSecondsMax)
        {
            return $"must be a whole number, {PluginOptions.TimeoutSecondsMin} to {PluginOptions.TimeoutSecondsMax}";
        }

        into.TimeoutSeconds = seconds;
        return null;
    }

    /// <summary>The texts of a list; others are passed over and are a mistake.</summary>
    private static string[] TextsOf(JsonElement value, out string? wrong)
    {
        wrong = null;
        if (value.ValueKind != JsonValueKind.Array)
        {
            wrong = "is no list";
            return [];
        }

        string[] texts = [.. value.EnumerateArray().Select(TextOf).OfType<string>()];
        if (texts.Length != value.GetArrayLength())
        {
            wrong = "has an entry that is no text";
        }

        return texts;
    }

    private static string? TextOf(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
