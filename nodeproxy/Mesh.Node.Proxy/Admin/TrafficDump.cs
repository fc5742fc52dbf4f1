using System.Globalization;
using System.Text.Json;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Retries;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Routes, subsets and traffic policies as JSON.</summary>
internal static class TrafficDump
{
    /// <summary>Writes every service of which something was said into an array that is open.</summary>
    public static async Task WriteAsync(JsonPage json, IEnumerable<ServiceTraffic> services)
    {
        foreach (ServiceTraffic service in services.OrderBy(service => service.ServiceKey, StringComparer.Ordinal))
        {
            json.Writer.WriteStartObject();
            json.Writer.WriteString("service", service.ServiceKey);
            json.Writer.WriteStartArray("scopes");
            await WriteScopeAsync(json, "*", service.Everyone);
            foreach ((string clients, TrafficScope scope) in service.Scopes.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                await WriteScopeAsync(json, clients, scope);
            }

            json.Writer.WriteEndArray();
            json.Writer.WriteEndObject();
            await json.BreatheAsync();
        }
    }

    private static async Task WriteScopeAsync(JsonPage json, string clients, TrafficScope scope)
    {
        Utf8JsonWriter writer = json.Writer;
        writer.WriteStartObject();
        writer.WriteString("clientNamespace", clients);
        writer.WriteStartObject("ports");
        foreach ((ushort port, RouteTable table) in scope.Routes.OrderBy(entry => entry.Key))
        {
            writer.WriteStartArray(port.ToString(CultureInfo.InvariantCulture));
            foreach (Route route in table.Routes)
            {
                RouteDump.Write(writer, route);
                await json.BreatheAsync();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
        WritePolicies(writer, scope.Policies);
        writer.WriteStartArray("subsets");
        foreach (TrafficSubset subset in scope.Subsets.Values.OrderBy(subset => subset.Name, StringComparer.Ordinal))
        {
            writer.WriteStartObject();
            writer.WriteString("name", subset.Name);
            writer.WriteString("key", subset.Key);
            WritePolicies(writer, subset.Policies);
            writer.WriteEndObject();
            await json.BreatheAsync();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WritePolicies(Utf8JsonWriter writer, PortPolicies policies)
    {
        writer.WriteStartObject("trafficPolicy");
        WritePolicy(writer, policies.Others);
        writer.WriteEndObject();
        if (policies.ByPort.Count == 0)
        {
            return;
        }

        writer.WriteStartObject("portPolicies");
        foreach ((ushort port, TrafficPolicy policy) in policies.ByPort.OrderBy(entry => entry.Key))
        {
            writer.WriteStartObject(port.ToString(CultureInfo.InvariantCulture));
            WritePolicy(writer, policy);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static void WritePolicy(Utf8JsonWriter writer, TrafficPolicy policy)
    {
        writer.WriteStartObject("loadBalancer");
        writer.WriteString("algorithm", policy.Balancing.Algorithm.ToString());
        if (policy.Balancing.Hash is HashPolicy hash)
        {
            writer.WriteString("hash", hash.ToString());
            writer.WriteString("table", hash.Table.ToString());
            writer.WriteNumber("tableSize", hash.TableSize);
            WriteTime(writer, "cookieTtl", hash.CookieTtl);
        }

        if (policy.Balancing.Warmup is WarmupPolicy warmup)
        {
            WriteTime(writer, "warmup", warmup.Duration);
        }

        writer.WriteEndObject();
        WriteLimits(writer, policy.Limits);
        WriteOutliers(writer, policy.Outliers);
        writer.WriteNumber("panicPercent", policy.PanicPercent);
        writer.WriteBoolean("prefersNear", policy.PrefersNear);
        WriteTls(writer, policy.Tls);
    }

    /// <summary>Files by their names alone.</summary>
    private static void WriteTls(Utf8JsonWriter writer, TlsOrigination? tls)
    {
        if (tls is null)
        {
            return;
        }

        writer.WriteStartObject("tls");
        writer.WriteString("serverName", tls.ServerName);
        writer.WriteString("acceptedNames", string.Join(',', tls.AcceptedNames));
        writer.WriteBoolean("skipsVerification", tls.SkipsVerification);
        writer.WriteString("rootsFile", tls.RootsFile);
        writer.WriteString("revocationsFile", tls.RevocationsFile);
        writer.WriteString("certificateFile", tls.CertificateFile);
        writer.WriteString("privateKeyFile", tls.KeyFile);
        writer.WriteEndObject();
    }

    private static void WriteLimits(Utf8JsonWriter writer, ConnectionLimits limits)
    {
        writer.WriteStartObject("connectionPool");
        writer.WriteNumber("maxConnections", limits.MaxConnections);
        WriteTime(writer, "connectTimeout", limits.ConnectTimeout);
        WriteTime(writer, "tcpIdleTimeout", limits.TcpIdleTimeout);
        WriteTime(writer, "httpIdleTimeout", limits.HttpIdleTimeout);
        WriteTime(writer, "maxConnectionDuration", limits.MaxConnectionDuration);
        writer.WriteNumber("maxPendingRequests", limits.MaxPendingRequests);
        writer.WriteNumber("maxRequests", limits.MaxRequests);
        writer.WriteNumber("maxRequestsPerConnection", limits.MaxRequestsPerConnection);
        writer.WriteNumber("maxRetries", limits.MaxRetries);
        if (limits.RetryBudget is RetryBudget budget)
        {
            writer.WriteNumber("retryBudgetPercent", budget.Percent);
            writer.WriteNumber("retryBudgetMin", budget.RetriesMin);
        }

        writer.WriteNumber("maxConcurrentStreams", limits.MaxConcurrentStreams);
        writer.WriteString("http2Upgrade", limits.Http2Upgrade.ToString());
        writer.WriteBoolean("usesClientProtocol", limits.UsesClientProtocol);
        WriteTime(writer, "http2KeepAliveInterval", limits.KeepAlive?.Interval);
        WriteTime(writer, "http2KeepAliveTimeout", limits.KeepAlive?.Timeout);
        writer.WriteEndObject();
    }

    private static void WriteOutliers(Utf8JsonWriter writer, OutlierOptions? outliers)
    {
        if (outliers is null)
        {
            return;
        }

        writer.WriteStartObject("outlierDetection");
        writer.WriteNumber("consecutive5xx", outliers.Consecutive5xx);
        writer.WriteNumber("consecutiveGatewayErrors", outliers.ConsecutiveGatewayErrors);
        writer.WriteBoolean("splitsLocalOrigin", outliers.SplitsLocalOrigin);
        writer.WriteNumber("consecutiveLocalOriginFailures", outliers.ConsecutiveLocalOriginFailures);
        WriteTime(writer, "interval", outliers.Interval);
        WriteTime(writer, "baseEjection", outliers.BaseEjection);
        writer.WriteNumber("maxEjectionPercent", outliers.MaxEjectionPercent);
        writer.WriteEndObject();
    }

    /// <summary>Times are in seconds, as text that says so; what there is not is left out.</summary>
    internal static void WriteTime(Utf8JsonWriter writer, string name, TimeSpan? time)
    {
        if (time is TimeSpan there)
        {
            writer.WriteString(name, string.Create(CultureInfo.InvariantCulture, $"{there.TotalSeconds:0.###}s"));
        }
    }

    /// <summary>What is retried, and how; a policy that retries nothing is left out.</summary>
    internal static void WriteRetries(Utf8JsonWriter writer, RetryPolicy retries)
    {
        if (retries.Retries == 0)
        {
            return;
        }

        writer.WriteStartObject("retries");
        writer.WriteNumber("retries", retries.Retries);
        writer.WriteString("conditions", retries.Conditions.ToString());
        if (!retries.StatusCodes.IsEmpty)
        {
            writer.WriteString("statusCodes", string.Join(',', retries.StatusCodes));
        }

        WriteTime(writer, "attemptTimeout", retries.AttemptTimeout);
        WriteTime(writer, "backoffBase", retries.BackoffBase);
        writer.WriteBoolean("avoidsTried", retries.AvoidsTried);
        writer.WriteEndObject();
    }
}
