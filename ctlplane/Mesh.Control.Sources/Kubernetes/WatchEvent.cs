using System.Text.Json;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Kubernetes;

internal enum WatchEventType
{
    /// <summary>An object as it is now, new or not.</summary>
    Put,

    Deleted,

    /// <summary>No object: how far the watch has come.</summary>
    Bookmark,

    /// <summary>The watch is over; a status says why.</summary>
    Error,
}

/// <summary>One line of a watch.</summary>
/// <param name="Type">What happened.</param>
/// <param name="Object">To what; null for the last two, and for what could not even be named.</param>
/// <param name="ResourceVersion">How far the watch has come with it; empty for an error and where it cannot be read.</param>
/// <param name="Code">The status of an error, as in HTTP.</param>
/// <param name="Message">Of an error, or why there is no object.</param>
internal sealed record WatchEvent(WatchEventType Type, ReceivedObject? Object, string ResourceVersion, int Code, string Message)
{
    private static readonly KeptFields s_resourceVersion = KeptFields.Of("metadata.resourceVersion");

    /// <exception cref="UnreadableException">It is not an event.</exception>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public static WatchEvent Read(ReadOnlySpan<byte> line, ObjectText objects, string version)
    {
        // The order of the two fields is not promised, so the type is looked for first.
        string type = FindType(line);
        var reader = new Utf8JsonReader(line, ObjectText.ReaderOptions);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isObject = reader.ValueTextEquals("object"u8);
            reader.Read();
            if (isObject)
            {
                return type switch
                {
                    "ADDED" or "MODIFIED" => ReadObject(WatchEventType.Put, ref reader, objects, version),
                    "DELETED" => ReadObject(WatchEventType.Deleted, ref reader, objects, version),
                    "BOOKMARK" => new WatchEvent(WatchEventType.Bookmark, Object: null, ReadVersion(ref reader), Code: 0, string.Empty),
                    "ERROR" => ReadStatus(ref reader),
                    _ => throw new UnreadableException("type", $"'{type}' is not an event."),
                };
            }

            reader.Skip();
        }

        throw new UnreadableException("object", "An event without an object.");
    }

    private static string FindType(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line, ObjectText.ReaderOptions);
        if (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isType = reader.ValueTextEquals("type"u8);
                reader.Read();
                if (isType && reader.TokenType == JsonTokenType.String)
                {
                    return reader.GetString()!;
                }

                reader.Skip();
            }
        }

        throw new UnreadableException("type", "Not an event.");
    }

    private static WatchEvent ReadObject(WatchEventType type, ref Utf8JsonReader reader, ObjectText objects, string version)
    {
        Utf8JsonReader start = reader;
        try
        {
            ReceivedObject received = objects.Read(ref reader, version);
            return new WatchEvent(type, received, received.ResourceVersion, Code: 0, string.Empty);
        }
        catch (UnreadableException problem)
        {
            return new WatchEvent(type, Object: null, ReadVersion(ref start), Code: 0, problem.Message);
        }
    }

    private static string ReadVersion(ref Utf8JsonReader reader)
    {
        try
        {
            return new RawJson(new StringPool()).ReadMapping(ref reader, s_resourceVersion).Find("metadata") is RawMapping metadata
                && metadata.Find("resourceVersion") is RawScalar { Kind: ScalarKind.Text, Text: var version }
                ? version
                : string.Empty;
        }
        catch (UnreadableException)
        {
            return string.Empty;
        }
    }

    private static WatchEvent ReadStatus(ref Utf8JsonReader reader)
    {
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        JsonElement status = document.RootElement;
        int code = status.ValueKind == JsonValueKind.Object && status.TryGetProperty("code", out JsonElement number)
            && number.TryGetInt32(out int given) ? given : 500;
        string message = status.ValueKind == JsonValueKind.Object && status.TryGetProperty("message", out JsonElement text)
            && text.ValueKind == JsonValueKind.String ? text.GetString()! : "no reason given";
        return new WatchEvent(WatchEventType.Error, Object: null, string.Empty, code, message);
    }
}
