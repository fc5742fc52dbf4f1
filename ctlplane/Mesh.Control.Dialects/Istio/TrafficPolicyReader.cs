using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads TrafficPolicy. What is not supported is named, and carried as if it were not there.</summary>
internal static class TrafficPolicyReader
{
    private const int PortsMax = 4_096;

    private static readonly string[] s_fields =
        ["connectionPool", "loadBalancer", "outlierDetection", "portLevelSettings", "proxyProtocol", "retryBudget", "tls", "tunnel"];

    private static readonly string[] s_portFields = ["connectionPool", "loadBalancer", "outlierDetection", "port", "tls"];
    private static readonly string[] s_numberFields = ["number"];

    private static readonly string[] s_outlierFields =
    [
        "baseEjectionTime", "consecutive5xxErrors", "consecutiveErrors", "consecutiveGatewayErrors", "consecutiveLocalOriginFailures",
        "interval", "maxEjectionPercent", "minHealthPercent", "outlierDetectionHttpErrorCodes", "splitExternalLocalOriginErrors",
    ];

    private static readonly string[] s_budgetFields = ["budgetInterval", "minRetryConcurrency", "percent"];

    /// <param name="parent">The rule or the subset.</param>
    public static PolicySpec? Read(FieldReader parent)
    {
        if (parent.Section("trafficPolicy") is not { } policy)
        {
            return null;
        }

        policy.RefuseUnknown("trafficPolicy", s_fields);
        if (policy.Entries.Count == 0)
        {
            parent.Error("trafficPolicy", "It says nothing.", "Leave it out.");
        }

        foreach (string unsupported in (string[])["tunnel", "proxyProtocol"])
        {
            if (policy.Has(unsupported))
            {
                policy.Warning(unsupported, $"{unsupported} is not supported and has no effect.");
            }
        }

        if (policy.Has("tunnel") && policy.Has("proxyProtocol"))
        {
            policy.Error("proxyProtocol", "It does not go with tunnel.");
        }

        ImmutableArray<(int Port, PolicySpec Policy)>.Builder ports = ImmutableArray.CreateBuilder<(int Port, PolicySpec Policy)>();
        List<FieldReader> sections = policy.Sections("portLevelSettings");
        if (sections.Count > PortsMax)
        {
            policy.Error("portLevelSettings", $"{sections.Count} ports; {PortsMax} are allowed.");
        }

        foreach (FieldReader section in sections)
        {
            section.RefuseUnknown("A port's settings", s_portFields);
            FieldReader? number = section.Section("port");
            number?.RefuseUnknown("port", s_numberFields);
            if (number?.Integer("number", 1, TrafficFields.PortMax) is not { } port)
            {
                if (number?.Has("number") != true)
                {
                    section.Error("port.number", "The field is required.");
                }
            }
            else if (ports.Any(entry => entry.Port == port))
            {
                section.Error("port.number", $"Port {port} is there twice.");
            }
            else
            {
                ports.Add((port, ReadSettings(section, isOfPort: true)));
            }
        }

        return ReadSettings(policy, isOfPort: false) with { Ports = ports.ToImmutable(), RetryBudget = ReadBudget(policy) };
    }

    private static PolicySpec ReadSettings(FieldReader policy, bool isOfPort)
    {
        FieldReader? outliers = policy.Section("outlierDetection");
        (BalancingPolicy? balancing, bool? prefersNear) = BalancingReader.Read(policy);
        return new PolicySpec
        {
            Balancing = balancing,
            Limits = ConnectionPoolReader.Read(policy),
            Outliers = outliers is null ? null : ReadOutliers(outliers),
            PanicPercent = outliers?.Integer("minHealthPercent", 0, 100) ?? 0,
            PrefersNear = prefersNear,
            Tls = TlsSettingsReader.Read(policy, isOfPort),
        };
    }

    private static OutlierPolicy ReadOutliers(FieldReader outliers)
    {
        outliers.RefuseUnknown("outlierDetection", s_outlierFields);
        bool splits = outliers.Flag("splitExternalLocalOriginErrors") ?? false;
        if (outliers.Has("consecutiveLocalOriginFailures") && !splits)
        {
            outliers.Error("consecutiveLocalOriginFailures", "They are counted apart only with splitExternalLocalOriginErrors.");
        }

        if (outliers.Has("outlierDetectionHttpErrorCodes"))
        {
            outliers.Warning("outlierDetectionHttpErrorCodes", "Server errors (5xx) count; other codes are not supported.");
        }

        uint? gatewayErrors = Count(outliers, "consecutiveGatewayErrors");
        if (outliers.Has("consecutiveErrors"))
        {
            outliers.Warning(
                "consecutiveErrors",
                "The field is deprecated; it is taken as it was meant: 502, 503, 504 and failed connections in a row.",
                "Use consecutiveGatewayErrors.");
            gatewayErrors ??= Count(outliers, "consecutiveErrors");
        }

        return new OutlierPolicy
        {
            Consecutive5xx = Count(outliers, "consecutive5xxErrors"),
            ConsecutiveGatewayErrors = gatewayErrors,
            SplitsLocalOrigin = splits,
            ConsecutiveLocalOriginFailures = Count(outliers, "consecutiveLocalOriginFailures"),
            Interval = outliers.Duration("interval"),
            BaseEjection = outliers.Duration("baseEjectionTime"),
            MaxEjectionPercent = outliers.Integer("maxEjectionPercent", 0, 100),
        };
    }

    private static RetryBudget? ReadBudget(FieldReader policy)
    {
        const double PercentDefault = 20;
        const int RetriesMinDefault = 3;
        if (policy.Section("retryBudget") is not { } budget)
        {
            return null;
        }

        budget.RefuseUnknown("retryBudget", s_budgetFields);
        if (budget.Has("budgetInterval"))
        {
            budget.Warning("budgetInterval", "Retries are counted against the requests under way; the field has no effect.");
        }

        return new RetryBudget(
            budget.Number("percent", 0, 100) ?? PercentDefault,
            (uint)(budget.Integer("minRetryConcurrency", 0, int.MaxValue) ?? RetriesMinDefault));
    }

    private static uint? Count(FieldReader reader, string key) => (uint?)reader.Integer(key, 0, int.MaxValue);
}
