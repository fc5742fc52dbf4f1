using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Mesh.Control.Cli.Definitions;

/// <summary>
/// What a value of an object may be: a node of a structural OpenAPI schema, as a CustomResourceDefinition has it. It refuses nothing that
/// the control plane reads, and keeps what it does not know, so that a manifest for a newer version is told of its fields and not cut.
/// </summary>
internal sealed record Shape
{
    private const int PortMax = 65_535;

    /// <summary>Empty for a text or a number.</summary>
    public required string Type { get; init; }

    public string Description { get; init; } = string.Empty;

    /// <summary>The only values of a text; empty for any.</summary>
    public ImmutableArray<string> Choices { get; init; } = [];

    public string Format { get; init; } = string.Empty;

    /// <summary>The least number, or null.</summary>
    public int? Least { get; init; }

    /// <summary>The greatest number, or null.</summary>
    public int? Most { get; init; }

    /// <summary>How many items a list has at least, or null.</summary>
    public int? ItemsMin { get; init; }

    /// <summary>How many items a list has at most, or null.</summary>
    public int? ItemsMax { get; init; }

    /// <summary>Of a list.</summary>
    public Shape? Item { get; init; }

    /// <summary>Of an object whose keys are free.</summary>
    public Shape? Value { get; init; }

    /// <summary>Of an object, in order.</summary>
    public ImmutableArray<(string Name, Shape Shape)> Fields { get; init; } = [];

    public ImmutableArray<string> Required { get; init; } = [];

    /// <summary>Expressions of CEL about an object, and what is said where one is false.</summary>
    public ImmutableArray<(string Expression, string Message)> Rules { get; init; } = [];

    public static Shape Text(string description = "", params ImmutableArray<string> choices) =>
        new() { Type = "string", Description = description, Choices = choices };

    /// <summary>A number, in quotes or not.</summary>
    public static Shape TextOrInteger(string description = "") => new() { Type = string.Empty, Description = description };

    public static Shape Texts(string description = "") => List(description, Text());

    public static Shape Flag(string description = "") => new() { Type = "boolean", Description = description };

    public static Shape Integer(string description = "", int? least = null, int? most = null) =>
        new() { Type = "integer", Description = description, Least = least, Most = most, Format = "int32" };

    public static Shape Percent(string description = "") =>
        new() { Type = "number", Description = description, Least = 0, Most = 100, Format = "double" };

    public static Shape Number(string description = "") => new() { Type = "number", Description = description, Format = "double" };

    public static Shape Port(string description = "") => Integer(description, 1, PortMax);

    /// <summary>A time such as 10s or 250ms.</summary>
    public static Shape Duration(string description = "") => Text(description);

    public static Shape List(string description, Shape item, int? least = null, int? most = null) =>
        new() { Type = "array", Description = description, Item = item, ItemsMin = least, ItemsMax = most };

    public static Shape Map(string description, Shape value) => new() { Type = "object", Description = description, Value = value };

    /// <summary>Anything with fields, which nobody looks at.</summary>
    public static Shape Open(string description = "") => new() { Type = "object", Description = description };

    /// <param name="description">What it says.</param>
    /// <param name="fields">With an exclamation mark behind the names of those that must be there.</param>
    public static Shape Object(string description, params ImmutableArray<(string Name, Shape Shape)> fields) => new()
    {
        Type = "object",
        Description = description,
        Fields = [.. fields.Select(field => (field.Name.TrimEnd('!'), field.Shape))],
        Required = [.. fields.Where(field => field.Name.EndsWith('!')).Select(field => field.Name.TrimEnd('!'))],
    };

    public Shape With(string expression, string message) => this with { Rules = Rules.Add((expression, message)) };

    /// <summary>The same without a word of explanation, for what has been explained elsewhere.</summary>
    public Shape Brief() => this with
    {
        Description = string.Empty,
        Item = Item?.Brief(),
        Value = Value?.Brief(),
        Fields = [.. Fields.Select(field => (field.Name, field.Shape.Brief()))],
    };

    /// <param name="nulls">What becomes of fields that have been given no value.</param>
    public JsonObject ToJson(NullFields nulls)
    {
        var json = new JsonObject();
        Add(json, "description", Description.Length > 0 ? Description : null);
        if (Type.Length > 0)
        {
            json["type"] = Type;
        }
        else
        {
            json["x-kubernetes-int-or-string"] = true;
        }

        Add(json, "format", Format.Length > 0 ? Format : null);
        if (nulls == NullFields.Kept || (nulls == NullFields.KeptWhereFree && Choices.IsEmpty))
        {
            json["nullable"] = true;
        }

        Add(json, "enum", Choices.IsEmpty ? null : Of(Choices));
        Add(json, "minimum", Least);
        Add(json, "maximum", Most);
        Add(json, "minItems", ItemsMin);
        Add(json, "maxItems", ItemsMax);
        if (Type == "object" && Value is null)
        {
            json["x-kubernetes-preserve-unknown-fields"] = true;
        }

        Add(json, "required", Required.IsEmpty ? null : Of(Required));
        Add(json, "properties", Fields.IsEmpty ? null : new JsonObject(
            Fields.Select(field => KeyValuePair.Create<string, JsonNode?>(field.Name, field.Shape.ToJson(nulls)))));
        Add(json, "additionalProperties", Value?.ToJson(nulls));
        Add(json, "items", Item?.ThatIsThere(nulls));
        Add(json, "x-kubernetes-validations", Rules.IsEmpty ? null : new JsonArray(
            [.. Rules.Select(rule => new JsonObject { ["rule"] = rule.Expression, ["message"] = rule.Message })]));
        return json;
    }

    /// <summary>Items and specs are not null; fields of theirs may be.</summary>
    public JsonObject ThatIsThere(NullFields nulls)
    {
        JsonObject json = ToJson(nulls);
        json.Remove("nullable");
        return json;
    }

    private static JsonArray Of(ImmutableArray<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);

    private static void Add(JsonObject json, string key, JsonNode? value)
    {
        if (value is not null)
        {
            json[key] = value;
        }
    }
}
