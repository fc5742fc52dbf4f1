using System.Collections;
using System.Net;
using System.Reflection;
using System.Text.Json.Nodes;
using Mesh.Control.Model.Canonical;

namespace Mesh.Control.Cli.Models;

/// <summary>
/// The model as JSON: records by their names, alternatives with what they are, and nothing that says nothing (empty, false, not there).
/// </summary>
internal static class ModelJson
{
    public static JsonNode? Of(object? value) => value switch
    {
        null => null,
        string text => JsonValue.Create(text),
        bool flag => JsonValue.Create(flag),
        int or long or double or float or decimal or uint or ulong or short or ushort or byte => JsonValue.Create(Convert.ToDecimal(value)),
        Enum or IPAddress or IPNetwork or ServiceKey or TimeSpan or DateTimeOffset or Uri => JsonValue.Create(value.ToString()),
        IDictionary map => OfMap(map),
        IEnumerable items => new JsonArray([.. items.Cast<object?>().Select(Of)]),
        _ => OfRecord(value),
    };

    private static JsonObject OfMap(IDictionary map)
    {
        var json = new JsonObject();
        foreach (DictionaryEntry entry in map)
        {
            json[entry.Key.ToString()!] = Of(entry.Value);
        }

        return json;
    }

    private static JsonNode? OfRecord(object value)
    {
        Type type = value.GetType();
        var json = new JsonObject();
        if (type.BaseType is { IsAbstract: true })
        {
            json["is"] = type.Name;
        }

        foreach (PropertyInfo property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            // What is derived from the rest need not be said, and what was said of the making is no part of the model.
            if (!property.CanWrite || property.GetIndexParameters().Length > 0 || property.Name == nameof(NamespaceModel.Diagnostics))
            {
                continue;
            }

            if (Of(property.GetValue(value)) is { } child && !IsNothing(child))
            {
                json[$"{char.ToLowerInvariant(property.Name[0])}{property.Name[1..]}"] = child;
            }
        }

        // A type of somebody else's, which shows nothing of itself but a text.
        return json.Count == 0 && !type.IsAbstract && type.GetProperties().All(property => !property.CanWrite)
            ? JsonValue.Create(value.ToString())
            : json;
    }

    private static bool IsNothing(JsonNode node) => node switch
    {
        JsonArray array => array.Count == 0,
        JsonObject fields => fields.Count == 0,
        JsonValue value => (value.TryGetValue(out string? text) && text.Length == 0) || (value.TryGetValue(out bool flag) && !flag),
        _ => false,
    };
}
