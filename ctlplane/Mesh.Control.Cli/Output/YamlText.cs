using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Mesh.Control.Cli.Output;

/// <summary>YAML of JSON: blocks, and texts in quotes wherever they could be taken for something else.</summary>
internal static partial class YamlText
{
    public static string Of(JsonNode? node)
    {
        var text = new StringBuilder();
        Append(text, node, indent: 0);
        return text.ToString();
    }

    private static void Append(StringBuilder text, JsonNode? node, int indent)
    {
        switch (node)
        {
            case JsonObject { Count: > 0 } fields:
                foreach ((string key, JsonNode? value) in fields)
                {
                    text.Append(' ', indent).Append(Scalar(key)).Append(':');
                    AppendValue(text, value, indent);
                }

                break;
            case JsonArray { Count: > 0 } items:
                foreach (JsonNode? item in items)
                {
                    AppendItem(text, item, indent);
                }

                break;
            default:
                text.Append(' ', indent).Append(Inline(node)).Append('\n');
                break;
        }
    }

    private static void AppendValue(StringBuilder text, JsonNode? value, int indent)
    {
        if (value is JsonObject { Count: > 0 } or JsonArray { Count: > 0 })
        {
            text.Append('\n');
            Append(text, value, value is JsonArray ? indent : indent + 2);
        }
        else
        {
            text.Append(' ').Append(Inline(value)).Append('\n');
        }
    }

    private static void AppendItem(StringBuilder text, JsonNode? item, int indent)
    {
        int start = text.Length;
        Append(text, item, indent + 2);
        text[start + indent] = '-';
    }

    private static string Inline(JsonNode? node) => node switch
    {
        null => "null",
        JsonObject => "{}",
        JsonArray => "[]",
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Scalar(value.GetValue<string>()),
        _ => node.ToJsonString(),
    };

    private static string Scalar(string text) => Plain().IsMatch(text) && !Ambiguous().IsMatch(text)
        ? text
        : JsonText.Of(JsonValue.Create(text));

    [GeneratedRegex(@"^[A-Za-z_/.][A-Za-z0-9_/.\-]*( [A-Za-z0-9_/.\-]+)*\z")]
    private static partial Regex Plain();

    /// <summary>What parsers of some version take for a value of another kind, or for the end of a document.</summary>
    [GeneratedRegex(@"^(true|false|yes|no|on|off|y|n|null|\.(inf|nan)|\.[0-9][0-9.e+\-]*|\.\.\.)\z", RegexOptions.IgnoreCase)]
    private static partial Regex Ambiguous();
}
