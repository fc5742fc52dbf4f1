using System.Text.Json;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>Reads one object of a followed kind, as it is read from a list or a watch.</summary>
public static class SingleObjects
{
    /// <param name="kind">Its kind.</param>
    /// <param name="version">Of the group.</param>
    /// <param name="json">The object, with a name and a resource version.</param>
    /// <returns>The object; and what cannot be read of it, or null.</returns>
    /// <exception cref="FormatException">It is no such object.</exception>
    public static (RawObject Object, Diagnostic? Problem) Read(WatchedKind kind, string version, ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json, ObjectText.ReaderOptions);
            reader.Read();
            ReceivedObject received = new ObjectText(kind, new StringPool()).Read(ref reader, version);
            return (received.Object, received.Problem);
        }
        catch (Exception exception) when (exception is UnreadableException or JsonException)
        {
            throw new FormatException(exception.Message, exception);
        }
    }
}
