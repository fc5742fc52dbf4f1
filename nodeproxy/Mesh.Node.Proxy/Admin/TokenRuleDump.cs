using System.Collections.Immutable;
using System.Text.Json;
using Mesh.Node.Model.Policies.Tokens;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Whose tokens requests may bear, as JSON. Of keys only what names them.</summary>
internal static class TokenRuleDump
{
    /// <summary>Writes a list into an object that is open; nothing where there are no rules.</summary>
    public static void Write(Utf8JsonWriter writer, ImmutableArray<TokenRule> rules)
    {
        if (rules.IsEmpty)
        {
            return;
        }

        writer.WriteStartArray("tokenRules");
        foreach (TokenRule rule in rules)
        {
            writer.WriteStartObject();
            writer.WriteString("issuer", rule.Issuer);
            WriteTexts(writer, "audiences", rule.Audiences);
            WriteTexts(
                writer,
                "keys",
                rule.Keys.Select(key => $"{key.Id ?? "-"} {string.Join(
                    ' ', Enum.GetValues<TokenAlgorithm>().Where(algorithm => key.IsFor(key.Id, algorithm)))}"));
            WriteTexts(writer, "headers", rule.Fields.Select(field => $"{field.Name}: {field.Prefix}"));
            WriteTexts(writer, "parameters", rule.Parameters.Select(parameter => parameter.Text));
            WriteTexts(writer, "cookies", rule.Cookies.Select(cookie => cookie.Text));
            WriteTexts(writer, "payloadHeader", rule.PayloadField is null ? [] : [rule.PayloadField.Text]);
            WriteTexts(writer, "claimHeaders", rule.ClaimFields.Select(field => $"{field.Name}: {string.Join('.', field.Path)}"));
            writer.WriteBoolean("forwardsToken", rule.ForwardsToken);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteTexts(Utf8JsonWriter writer, string name, IEnumerable<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (string text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }
}
