using System.Text.Json;

namespace Mesh.Node.Proxy.Authentication;

/// <summary>The claims of a token, ready to be asked for by name. Immutable; any thread; asking allocates nothing.</summary>
internal sealed class ClaimTree
{
    private readonly Dictionary<string, ClaimTree> _children = new(StringComparer.Ordinal);
    private readonly string[] _values;

    private ClaimTree(string[] values, string? text)
    {
        _values = values;
        Text = text;
    }

    /// <summary>What a field is given: of a text, a number, true or false; null of anything else.</summary>
    public string? Text { get; }

    /// <summary>A text, a number, true or false is one value; a list has those of its items that are.</summary>
    public ReadOnlySpan<string> Values => _values;

    /// <param name="claims">An object.</param>
    /// <param name="lists">Names of outermost claims whose text is a list of words.</param>
    public static ClaimTree Of(JsonElement claims, IReadOnlyCollection<string> lists)
    {
        var root = new ClaimTree([], null);
        foreach (JsonProperty property in claims.EnumerateObject())
        {
            root._children.Add(property.Name, Of(property.Value, lists.Contains(property.Name)));
        }

        return root;
    }

    /// <returns>Null when there is none.</returns>
    public ClaimTree? Find(ReadOnlySpan<string> path)
    {
        ClaimTree? found = this;
        foreach (string name in path)
        {
            if (!found._children.TryGetValue(name, out found))
            {
                return null;
            }
        }

        return found;
    }

    private static ClaimTree Of(JsonElement value, bool isList)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                return Of(value, []);
            case JsonValueKind.Array:
                return new ClaimTree([.. value.EnumerateArray().Select(TextOf).OfType<string>()], null);
            default:
                string? text = TextOf(value);
                string[] values = text is null ? []
                    : isList ? text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    : [text];
                return new ClaimTree(values, text);
        }
    }

    private static string? TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => null,
    };
}
