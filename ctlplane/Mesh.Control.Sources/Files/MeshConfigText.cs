using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Files;

/// <summary>
/// The mesh configuration is YAML inside a text of a ConfigMap: <c>data.mesh</c> of the one named <c>istio</c>. It is made part of the
/// object it stands in, so that whoever reads the object finds fields with their positions.
/// </summary>
internal static class MeshConfigText
{
    private const string Data = "data";
    private const string Mesh = "mesh";

    /// <summary>The object with the text's fields in place of the text; the object itself where there is no such text.</summary>
    /// <exception cref="ManifestFormatException">The text is not YAML, or more than one document.</exception>
    public static RawMapping Expand(RawMapping configMap)
    {
        if (configMap.Find(Data) is not RawMapping data || data.Find(Mesh) is not RawScalar { Kind: ScalarKind.Text } text)
        {
            return configMap;
        }

        // A text of several lines begins on the line after its key. Without a position of its own it gives none to what is in it.
        int? before = text.Position.Line == 0
            ? null
            : text.Position.Line - (text.Text.Contains('\n', StringComparison.Ordinal) ? 0 : 1);
        RawNode mesh = Read(text, before);
        return With(configMap, Data, With(data, Mesh, mesh));
    }

    private static RawNode Read(RawScalar text, int? before)
    {
        List<RawNode> documents;
        try
        {
            using var reader = new StringReader(text.Text);
            documents = YamlDocuments.Read(reader);
        }
        catch (ManifestFormatException exception)
        {
            throw new ManifestFormatException(
                Moved(exception.Position, before), $"{Data}.{Mesh}", exception.Message, "The text must be YAML by itself.");
        }

        return documents.Count switch
        {
            0 => new RawMapping([], text.Position),
            1 => Moved(documents[0], before),
            _ => throw new ManifestFormatException(text.Position, $"{Data}.{Mesh}", "The text is more than one document."),
        };
    }

    private static RawMapping With(RawMapping mapping, string key, RawNode value) => new(
        [.. mapping.Entries.Select(entry => entry.Key == key ? entry with { Value = value } : entry)], mapping.Position);

    private static RawNode Moved(RawNode node, int? lines) => node switch
    {
        RawMapping mapping => new RawMapping(
            [
                .. mapping.Entries.Select(
                    entry => new RawEntry(entry.Key, Moved(entry.KeyPosition, lines), Moved(entry.Value, lines))),
            ],
            Moved(mapping.Position, lines)),
        RawSequence sequence => new RawSequence(
            [.. sequence.Items.Select(item => Moved(item, lines))], Moved(sequence.Position, lines)),
        RawScalar scalar => new RawScalar(scalar.Text, scalar.Kind, Moved(scalar.Position, lines)),
        _ => node,
    };

    private static SourcePosition Moved(SourcePosition position, int? lines) => lines is not { } before
        ? default
        : position.Line == 0 ? position : position with { Line = position.Line + before };
}
