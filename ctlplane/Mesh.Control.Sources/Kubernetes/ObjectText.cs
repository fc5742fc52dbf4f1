using System.Buffers;
using System.Text.Json;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>
/// Reads objects of one kind out of what the API server says. One that cannot be read spoils no other: it is received by its name, with
/// something for a spec that no dialect takes for one, so that the last good version or the strictest reading holds. One thread at a time.
/// </summary>
internal sealed class ObjectText(WatchedKind kind, StringPool pool)
{
    private const string ResourceVersionField = "resourceVersion";

    /// <summary>Depth is limited where it is kept. What is left out may be as deep as the API server has taken it.</summary>
    public static JsonReaderOptions ReaderOptions { get; } = new() { MaxDepth = 10_000 };

    private static readonly Origin s_origin = new("kubernetes", Line: 0);
    private static readonly RawScalar s_notASpec = new("unreadable", ScalarKind.Text, default);
    private static readonly SearchValues<char> s_nameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-.");

    private static readonly KeptFields s_identity = KeptFields.Of(
        "metadata.name", "metadata.namespace", "metadata.resourceVersion", "metadata.generation", "metadata.uid");

    private readonly RawJson _json = new(pool);

    /// <summary>Reads the object the reader stands at the beginning of, and leaves the reader on its end.</summary>
    /// <param name="reader">Over the whole text, made with <see cref="ReaderOptions"/>.</param>
    /// <param name="version">Of the group, for objects in a list, which do not say it themselves.</param>
    /// <exception cref="UnreadableException">Not even a name and a resource version can be read.</exception>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    public ReceivedObject Read(ref Utf8JsonReader reader, string version)
    {
        Utf8JsonReader start = reader;
        try
        {
            RawMapping fields = _json.ReadMapping(ref reader, kind.Kept);
            return Identify(kind.Kind == "ConfigMap" ? Expand(fields) : fields, version, problem: null);
        }
        catch (UnreadableException problem)
        {
            reader = start;
            RawMapping identity = _json.ReadMapping(ref reader, s_identity);
            return Identify(identity, version, problem);
        }
    }

    /// <exception cref="UnreadableException">The text inside is not YAML.</exception>
    private static RawMapping Expand(RawMapping configMap)
    {
        try
        {
            return MeshConfigText.Expand(configMap);
        }
        catch (ManifestFormatException problem)
        {
            throw new UnreadableException(problem.Field, $"{problem.Message} {problem.Hint}".TrimEnd());
        }
    }

    private ReceivedObject Identify(RawMapping fields, string version, UnreadableException? problem)
    {
        if (fields.Find("metadata") is not RawMapping metadata
            || metadata.Find("name") is not RawScalar { Kind: ScalarKind.Text, Text: var name }
            || metadata.Find(ResourceVersionField) is not RawScalar { Kind: ScalarKind.Text, Text: var resourceVersion })
        {
            throw new UnreadableException("metadata", "An object without a name or a resource version.");
        }

        string @namespace = metadata.Find("namespace") is RawScalar { Kind: ScalarKind.Text, Text: var text } ? text : string.Empty;
        if (!IsName(name) || (@namespace.Length > 0 && !ManifestNames.IsLabel(@namespace)))
        {
            throw new UnreadableException("metadata.name", $"'{@namespace}/{name}' is not the name of an object.");
        }

        var key = new ObjectKey(kind.Group, kind.Kind, @namespace, name);
        RawMapping kept = WithoutResourceVersion(fields, metadata);
        if (problem is not null)
        {
            kept = new RawMapping([.. kept.Entries, new RawEntry("spec", default, s_notASpec)], default);
        }

        Diagnostic? diagnostic = problem is null
            ? null
            : new Diagnostic(DiagnosticSeverity.Error, s_origin, key, problem.Field, problem.Message, string.Empty);
        return new ReceivedObject(key, resourceVersion, new RawObject(key, kind.ApiVersionOf(version), kept, s_origin), diagnostic);
    }

    /// <summary>It changes whenever anything does, also what is not kept.</summary>
    private static RawMapping WithoutResourceVersion(RawMapping fields, RawMapping metadata)
    {
        var rest = new RawMapping([.. metadata.Entries.Where(entry => entry.Key != ResourceVersionField)], default);
        return new RawMapping(
            [.. fields.Entries.Select(entry => entry.Key == "metadata" ? entry with { Value = rest } : entry)], default);
    }

    /// <summary>What the API server takes for a name: parts may be longer than those of a DNS name.</summary>
    private static bool IsName(string name) =>
        name.Length is > 0 and <= ManifestNames.SubdomainCharsMax && !name.AsSpan().ContainsAnyExcept(s_nameCharacters);
}
