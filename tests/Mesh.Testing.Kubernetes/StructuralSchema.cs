using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mesh.Testing.Kubernetes;

/// <summary>
/// What an API server makes of an object by the schema of its definition: fields without a value go unless they are nullable, and what is
/// not as the schema has it is refused. Expressions of CEL are not looked at.
/// </summary>
public static class StructuralSchema
{
    /// <summary>What is wrong with an object; a field that would be cut off is too.</summary>
    public static List<string> Check(JsonObject stored, JsonObject schema)
    {
        var problems = new List<string>();
        Check(stored.DeepClone(), schema, string.Empty, problems);
        return problems;
    }

    private static void Check(JsonNode? value, JsonObject schema, string path, List<string> problems)
    {
        string type = schema["type"]?.GetValue<string>() ?? "int-or-string";
        if (!Is(value, type))
        {
            problems.Add($"{path}: must be of type {type}");
            return;
        }

        if (schema["enum"] is JsonArray choices && !choices.Any(choice => JsonNode.DeepEquals(choice, value)))
        {
            problems.Add($"{path}: supported values: {choices.ToJsonString()}");
        }

        switch (value)
        {
            case JsonObject fields:
                CheckFields(fields, schema, path, problems);
                break;
            case JsonArray items:
                CheckRange(items.Count, schema, "minItems", "maxItems", path, problems);
                for (int index = 0; index < items.Count; index++)
                {
                    Check(items[index], schema["items"]!.AsObject(), $"{path}[{index}]", problems);
                }

                break;
            case JsonValue scalar when scalar.GetValueKind() == JsonValueKind.Number:
                CheckRange(NumberOf(scalar), schema, "minimum", "maximum", path, problems);
                break;
        }
    }

    private static void CheckFields(JsonObject fields, JsonObject schema, string path, List<string> problems)
    {
        var known = schema["properties"] as JsonObject;
        foreach ((string name, JsonNode? value) in fields.ToList())
        {
            JsonObject? below = (known?[name] ?? schema["additionalProperties"]) as JsonObject;
            if (below is null)
            {
                bool isKept = schema["x-kubernetes-preserve-unknown-fields"]?.GetValue<bool>() == true || path == ".metadata";
                if (!isKept)
                {
                    problems.Add($"{path}.{name}: unknown field");
                }
            }
            else if (value is not null)
            {
                Check(value, below, $"{path}.{name}", problems);
            }
            else if (below["nullable"]?.GetValue<bool>() != true)
            {
                fields.Remove(name);
            }
            else if (below["enum"] is not null)
            {
                problems.Add($"{path}.{name}: null is none of the supported values");
            }
        }

        foreach (JsonNode? name in schema["required"] as JsonArray ?? [])
        {
            if (!fields.ContainsKey(name!.GetValue<string>()))
            {
                problems.Add($"{path}.{name}: required value");
            }
        }
    }

    private static void CheckRange(decimal number, JsonObject schema, string least, string most, string path, List<string> problems)
    {
        if (number < (schema[least]?.GetValue<int>() ?? decimal.MinValue) || number > (schema[most]?.GetValue<int>() ?? decimal.MaxValue))
        {
            problems.Add($"{path}: out of range");
        }
    }

    private static bool Is(JsonNode? value, string type) => (type, value?.GetValueKind()) switch
    {
        ("object", JsonValueKind.Object) or ("array", JsonValueKind.Array) or ("string", JsonValueKind.String) => true,
        ("boolean", JsonValueKind.True or JsonValueKind.False) or ("number", JsonValueKind.Number) => true,
        ("int-or-string", JsonValueKind.String) => true,
        ("integer" or "int-or-string", JsonValueKind.Number) => decimal.IsInteger(NumberOf(value!.AsValue())),
        _ => false,
    };

    private static decimal NumberOf(JsonValue number) => decimal.Parse(
        number.ToJsonString(), System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture);
}
