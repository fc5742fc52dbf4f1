using System.Collections.Immutable;
using System.Text.Json;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Policies.Requests;

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
        if (policy.Provider.Length > 0)
        {
            writer.WriteString("provider", policy.Provider);
        }

        if (policy.Authorizer is Authorizer authorizer)
        {
            writer.WriteStartObject("authorizer");
            writer.WriteString("protocol", authorizer.Protocol.ToString());
            writer.WriteString("service", authorizer.ServiceKey);
            writer.WriteNumber("port", authorizer.Port);
            writer.WriteNumber("timeoutMs", (long)authorizer.Timeout.TotalMilliseconds);
            writer.WriteBoolean("failsOpen", authorizer.FailsOpen);
            writer.WriteNumber("statusOnFailure", authorizer.StatusOnFailure);
            writer.WriteEndObject();
        }

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
            Write(writer, rule);
        }

        writer.WriteEndArray();
        TokenRuleDump.Write(writer, policy.TokenRules);
        WriteLimits(writer, policy.RateLimits);
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, AuthorizationRule rule)
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

    private static void WriteLimits(Utf8JsonWriter writer, ImmutableArray<RateLimit> limits)
    {
        if (limits.IsEmpty)
        {
            return;
        }

        writer.WriteStartArray("rateLimits");
        foreach (RateLimit limit in limits)
        {
            writer.WriteStartObject();
            writer.WriteNumber("requests", limit.Requests);
            writer.WriteNumber("intervalMs", limit.Interval.TotalMilliseconds);
            writer.WriteNumber("burst", limit.Burst);
            writer.WriteBoolean("byClient", limit.IsByClient);
            writer.WritePropertyName("match");
            Write(writer, limit.Match);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
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
        WriteTexts(writer, "trustDomains", match.TrustDomains);
        WriteTexts(writer, "notTrustDomains", match.NotTrustDomains);
        WriteTexts(writer, "serverNames", match.ServerNames);
        WriteTexts(writer, "notServerNames", match.NotServerNames);
        if (match.Request is RequestConditions request)
        {
            writer.WriteStartObject("request");
            Write(writer, request);
            writer.WriteEndObject();
        }

        if (match.HasUnsupported)
        {
            writer.WriteBoolean("hasUnsupported", true);
        }

        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, RequestConditions request)
    {
        WriteTexts(writer, "methods", request.Methods);
        WriteTexts(writer, "notMethods", request.NotMethods);
        WriteTexts(writer, "hosts", request.Hosts);
        WriteTexts(writer, "notHosts", request.NotHosts);
        WriteTexts(writer, "paths", request.Paths);
        WriteTexts(writer, "notPaths", request.NotPaths);
        WriteBlocks(writer, "pathTemplates", request.PathTemplates);
        WriteBlocks(writer, "notPathTemplates", request.NotPathTemplates);
        WriteBlocks(writer, "remoteIps", request.RemoteAddresses);
        WriteBlocks(writer, "notRemoteIps", request.NotRemoteAddresses);
        WriteTexts(writer, "requestPrincipals", request.Principals);
        WriteTexts(writer, "notRequestPrincipals", request.NotPrincipals);
        WriteTexts(writer, "audiences", request.Audiences);
        WriteTexts(writer, "notAudiences", request.NotAudiences);
        WriteTexts(writer, "presenters", request.Presenters);
        WriteTexts(writer, "notPresenters", request.NotPresenters);
        WriteNamed(writer, "headers", request.Headers.Select(header => (header.Name, header.Values, header.NotValues)));
        WriteNamed(writer, "claims", request.Claims.Select(claim => (string.Join('.', claim.Path), claim.Values, claim.NotValues)));
    }

    private static void WriteNamed(
        Utf8JsonWriter writer,
        string field,
        IEnumerable<(string Name, ImmutableArray<TextMatch> Values, ImmutableArray<TextMatch> NotValues)> conditions)
    {
        foreach ((int index, (string name, ImmutableArray<TextMatch> values, ImmutableArray<TextMatch> notValues)) in conditions.Index())
        {
            if (index == 0)
            {
                writer.WriteStartArray(field);
            }

            writer.WriteStartObject();
            writer.WriteString("name", name);
            WriteTexts(writer, "values", values);
            WriteTexts(writer, "notValues", notValues);
            writer.WriteEndObject();
        }

        if (conditions.Any())
        {
            writer.WriteEndArray();
        }
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
