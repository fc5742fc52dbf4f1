using System.Globalization;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Tests.Dialects;

/// <summary>A policy in few words: only what is not the default.</summary>
internal static class PolicyWords
{
    public static string Of(TrafficPolicy policy)
    {
        var parts = new List<string>();
        if (policy.Balancing is { } balancing)
        {
            parts.Add($"balance={balancing.Algorithm}");
            if (balancing.Hash is { } hash)
            {
                string cookie = hash.CookieTtl is { } ttl ? $" cookie-ttl={RouteWords.Seconds(ttl)} cookie-path={hash.CookiePath}" : "";
                string table = hash.IsMaglev ? $" maglev={Text(hash.TableSize!.Value)}" : hash.TableSize is { } size ? $" ring={Text(size)}" : "";
                parts.Add($"hash={hash.Kind}:{hash.Name}{cookie}{table}");
            }

            if (balancing.Warmup is { } warmup)
            {
                parts.Add(string.Create(
                    CultureInfo.InvariantCulture,
                    $"warmup={warmup.Duration.TotalSeconds}s from {warmup.MinimumPercent}% aggression {warmup.Aggression}"));
            }
        }

        if (policy.Limits is { } limits)
        {
            Add(parts, limits);
        }

        if (policy.Outliers is { } outliers)
        {
            var of = new List<string>();
            Add(of, "5xx", outliers.Consecutive5xx);
            Add(of, "gateway", outliers.ConsecutiveGatewayErrors);
            Add(of, "local", outliers.ConsecutiveLocalOriginFailures);
            Add(of, "interval", outliers.Interval);
            Add(of, "base", outliers.BaseEjection);
            Add(of, "max-percent", (uint?)outliers.MaxEjectionPercent);
            parts.Add($"outliers{(outliers.SplitsLocalOrigin ? " split" : "")}{{{string.Join(' ', of)}}}");
        }

        if (policy.PanicPercent > 0)
        {
            parts.Add($"panic={Text(policy.PanicPercent)}%");
        }

        if (policy.PrefersNear)
        {
            parts.Add("near-first");
        }

        return string.Join(' ', parts);
    }

    private static void Add(List<string> parts, ConnectionLimits limits)
    {
        Add(parts, "connections", limits.MaxConnections);
        Add(parts, "connect", limits.ConnectTimeout);
        Add(parts, "tcp-idle", limits.TcpIdleTimeout);
        Add(parts, "http-idle", limits.HttpIdleTimeout);
        Add(parts, "duration", limits.MaxConnectionDuration);
        Add(parts, "pending", limits.MaxPendingRequests);
        Add(parts, "requests", limits.MaxRequests);
        Add(parts, "per-connection", limits.MaxRequestsPerConnection == 0 ? null : limits.MaxRequestsPerConnection);
        Add(parts, "retries", limits.MaxRetries);
        Add(parts, "streams", limits.MaxConcurrentStreams);
        if (limits.RetryBudget is { } budget)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"retry-budget={budget.Percent}% min {budget.RetriesMin}"));
        }

        if (limits.Http2Upgrade != Http2Upgrade.ByPort)
        {
            parts.Add($"http2={limits.Http2Upgrade}");
        }

        if (limits.UsesClientProtocol)
        {
            parts.Add("client-protocol");
        }

        if (limits.KeepAlive is { } ping)
        {
            parts.Add($"ping={RouteWords.Seconds(ping.Interval)}/{RouteWords.Seconds(ping.Timeout)}");
        }
    }

    private static void Add(List<string> parts, string name, uint? value)
    {
        if (value is { } there)
        {
            parts.Add($"{name}={there.ToString(CultureInfo.InvariantCulture)}");
        }
    }

    private static void Add(List<string> parts, string name, TimeSpan? value)
    {
        if (value is { } there)
        {
            parts.Add($"{name}={RouteWords.Seconds(there)}");
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
