using System.Text.Json.Serialization.Metadata;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>What is followed of one kind, and how it is read. Immutable.</summary>
/// <param name="Plural">As paths and messages say it.</param>
/// <param name="Path">Where it is listed, beginning with a slash.</param>
/// <param name="Selector">Which of them, as a part of a query that ends with an ampersand; empty for all.</param>
/// <param name="List">Reads a list.</param>
/// <param name="Item">Reads an object.</param>
/// <param name="MetadataOf">An object's metadata.</param>
internal sealed record ResourceKind<T>(
    string Plural,
    string Path,
    string Selector,
    JsonTypeInfo<ListObject<T>> List,
    JsonTypeInfo<T> Item,
    Func<T, ObjectMetadata?> MetadataOf)
    where T : class;
