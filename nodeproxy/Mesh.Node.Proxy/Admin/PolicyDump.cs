using System.Collections.Immutable;
using System.Text.Json;
using Mesh.Node.Model.Policies;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Policies as JSON: rules of clauses of matches, in ztunnel's shape.</summary>
internal static class PolicyDump
{
    /// <summary>Writes every policy into an array that is open.</summary>
    public static async Task WriteAsync(JsonPage json, PolicySet policies)
    {
        foreach (AuthorizationPolicy policy in policies.All.OrderBy(policy => policy.Key, StringComparer.Ordinal))
        {
            Write(json.Writer, policy);
            await json.BreatheAsync();
        }
    }

    private static void Write(Utf8JsonWriter writer, AuthorizationPolicy policy)
    {
        writer.WriteStartObject();
        writer.WriteString("name", policy.Name);
        writer.WriteString("namespace", policy.Namespace);
        writer.WriteString("scope", policy.Scope.ToString());
        writer.WriteString("action", policy.Action.ToString());
        if (policy.IsDryRun)
        {
            writer.WriteBoolean("dryRun", true);
        }

        if (policy.HasUnsupported)
        {
            writer.WriteBoolean("hasUnsupported", true);
        }

        if (policy.UnreadableBecause is string reason)
        {
            writer.WriteString("unreadableBecause", reason);
        }

        writer.WriteStartArray("rules");
        foreach (AuthorizationRule rule in policy.Rules)
        {
            writer.WriteStartArray();
            foreach (AuthorizationClause clause in rule.Clauses)
            {
                writer.WriteStartArray();
                foreach (AuthorizationMatch match in clause.Matches)
                {
                    Write(writer, match);
                }

                writer.WriteEndArray();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, AuthorizationMatch match)
    {
        writer.WriteStartObject();
        WriteTexts(writer, "namespaces", match.Namespaces);
        WriteTexts(writer, "notNamespaces", match.NotNamespaces);
        WriteTexts(writer, "principals", match.Principals);
        WriteTexts(writer, "notPrincipals", match.NotPrincipals);
        WriteAccounts(writer, "serviceAccounts", match.ServiceAccounts);
        WriteAccounts(writer, "notServiceAccounts", match.NotServiceAccounts);
        WriteBlocks(writer, "sourceIps", match.SourceAddresses);
        WriteBlocks(writer, "notSourceIps", match.NotSourceAddresses);
        WriteBlocks(writer, "destinationIps", match.DestinationAddresses);
        WriteBlocks(writer, "notDestinationIps", match.NotDestinationAddresses);
        WritePorts(writer, "destinationPorts", match.DestinationPorts);
        WritePorts(writer, "notDestinationPorts", match.NotDestinationPorts);
        if (match.HasUnsupported)
        {
            writer.WriteBoolean("hasUnsupported", true);
        }

        writer.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter writer, string name, ImmutableArray<TextMatch> texts)
    {
        if (texts.IsEmpty)
        {
            return;
        }

        writer.WriteStartArray(name);
        foreach (TextMatch text in texts)
        {
            writer.WriteStartObject();
            if (text.Kind == TextMatchKind.Present)
            {
                writer.WriteStartObject("Presence");
                writer.WriteEndObject();
            }
            else
            {
                writer.WriteString(text.Kind.ToString(), text.Value);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteAccounts(Utf8JsonWriter writer, string name, ImmutableArray<ServiceAccountName> accounts)
    {
        if (accounts.IsEmpty)
        {
            return;
        }

        writer.WriteStartArray(name);
        foreach (ServiceAccountName account in accounts)
        {
            writer.WriteStartObject();
            writer.WriteString("namespace", account.Namespace);
            writer.WriteString("serviceAccount", account.Name);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteBlocks<T>(Utf8JsonWriter writer, string name, ImmutableArray<T> blocks)
    {
        if (blocks.IsEmpty)
        {
            return;
        }

        writer.WriteStartArray(name);
        foreach (T block in blocks)
        {
            writer.WriteStringValue(block!.ToString());
        }

        writer.WriteEndArray();
    }

    private static void WritePorts(Utf8JsonWriter writer, string name, ImmutableArray<ushort> ports)
    {
        if (ports.IsEmpty)
        {
            return;
        }

        writer.WriteStartArray(name);
        foreach (ushort port in ports)
        {
            writer.WriteNumberValue(port);
        }

        writer.WriteEndArray();
    }
}
