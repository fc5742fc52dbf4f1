using System.Globalization;
using System.Text.Json.Nodes;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli.Output;

/// <summary>Objects as they were written. What secrets hold is not shown.</summary>
internal static class RawJson
{
    private const string Hidden = "(hidden)";

    public static JsonNode? Of(RawObject source)
    {
        JsonNode? json = Of(source.Fields);
        if (source.Key is { Group: "", Kind: "Secret" } && json is JsonObject secret)
        {
            foreach (string section in (string[])["data", "stringData"])
            {
                if (secret[section] is JsonObject values)
                {
                    secret[section] = new JsonObject(
                        values.Select(value => KeyValuePair.Create(value.Key, (JsonNode?)JsonValue.Create(Hidden))));
                }
            }
        }

        return json;
    }

    public static JsonNode? Of(RawNode? node) => node switch
    {
        RawMapping mapping => new JsonObject(mapping.Entries.Select(entry => KeyValuePair.Create(entry.Key, Of(entry.Value)))),
        RawSequence sequence => new JsonArray([.. sequence.Items.Select(Of)]),
        RawScalar scalar => Of(scalar),
        _ => null,
    };

    private static JsonValue? Of(RawScalar scalar) => scalar.Kind switch
    {
        ScalarKind.Null => null,
        ScalarKind.Boolean => JsonValue.Create(scalar.Text[0] is 't' or 'T' or 'y' or 'Y' || scalar.Text is "on" or "On" or "ON"),
        ScalarKind.Integer when long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) =>
            JsonValue.Create(number),
        ScalarKind.Number when decimal.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal number) =>
            JsonValue.Create(number),
        _ => JsonValue.Create(scalar.Text),
    };
}
