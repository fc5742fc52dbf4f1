using System.Text.Json;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>One answer to a list.</summary>
/// <param name="Objects">What could be read.</param>
/// <param name="Unreadable">What could not even be named, in words.</param>
/// <param name="ResourceVersion">From where a watch goes on.</param>
/// <param name="Continue">How the next page is asked for; empty after the last.</param>
internal sealed record ListPage(
    IReadOnlyList<ReceivedObject> Objects, IReadOnlyList<string> Unreadable, string ResourceVersion, string Continue)
{
    /// <exception cref="UnreadableException">It is not a list of objects.</exception>
    /// <exception cref="JsonException">It is not JSON.</exception>
    public static ListPage Read(ReadOnlySpan<byte> body, ObjectText objects, string version)
    {
        var reader = new Utf8JsonReader(body, ObjectText.ReaderOptions);
        var received = new List<ReceivedObject>();
        var unreadable = new List<string>();
        string? resourceVersion = null;
        string next = string.Empty;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new UnreadableException(string.Empty, "The answer is not a list.");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isMetadata = reader.ValueTextEquals("metadata"u8);
            bool isItems = reader.ValueTextEquals("items"u8);
            reader.Read();
            if (isMetadata)
            {
                (resourceVersion, next) = ReadMetadata(ref reader);
            }
            else if (isItems && reader.TokenType == JsonTokenType.StartArray)
            {
                ReadItems(ref reader, objects, version, received, unreadable);
            }
            else
            {
                reader.Skip();
            }
        }

        return resourceVersion is null
            ? throw new UnreadableException("metadata.resourceVersion", "The answer is not a list.")
            : new ListPage(received, unreadable, resourceVersion, next);
    }

    private static (string? ResourceVersion, string Continue) ReadMetadata(ref Utf8JsonReader reader)
    {
        using JsonDocument metadata = JsonDocument.ParseValue(ref reader);
        return (TextOf(metadata.RootElement, "resourceVersion"), TextOf(metadata.RootElement, "continue") ?? string.Empty);
    }

    private static void ReadItems(
        ref Utf8JsonReader reader, ObjectText objects, string version, List<ReceivedObject> received, List<string> unreadable)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Utf8JsonReader start = reader;
            try
            {
                received.Add(objects.Read(ref reader, version));
            }
            catch (UnreadableException problem)
            {
                unreadable.Add(problem.Message);
                reader = start;
                reader.Skip();
            }
        }
    }

    private static string? TextOf(JsonElement fields, string name) =>
        fields.ValueKind == JsonValueKind.Object
        && fields.TryGetProperty(name, out JsonElement value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
