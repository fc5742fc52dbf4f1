using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads LoadBalancerSettings.</summary>
internal static class BalancingReader
{
    private const int MaglevSizeDefault = 65_537;
    private const int MaglevSizeMax = 5_000_011;
    private const int RingSizeMax = 8 * 1024 * 1024;

    private static readonly string[] s_fields =
        ["consistentHash", "localityLbSetting", "simple", "warmup", "warmupDurationSecs", "zoneAwareLbSetting"];

    private static readonly string[] s_hashFields =
    [
        "httpCookie", "httpHeaderName", "httpQueryParameterName", "maglev", "minimumRingSize", "ringHash", "useSourceIp",
    ];

    private static readonly string[] s_cookieFields = ["attributes", "name", "path", "ttl"];
    private static readonly string[] s_warmupFields = ["aggression", "duration", "minimumPercent"];

    /// <returns>Both null where nothing is said.</returns>
    public static (BalancingPolicy? Balancing, bool? PrefersNear) Read(FieldReader policy)
    {
        if (policy.Section("loadBalancer") is not { } balancer)
        {
            return (null, null);
        }

        balancer.RefuseUnknown("loadBalancer", s_fields);
        if (balancer.Has("simple") && balancer.Has("consistentHash"))
        {
            balancer.Error("consistentHash", "A load balancer is simple or a consistent hash, not both.");
        }

        BalancingAlgorithm algorithm = ReadSimple(balancer);
        HashPolicy? hash = balancer.Section("consistentHash") is { } section ? ReadHash(section) : null;
        WarmupPolicy? warmup = ReadWarmup(balancer);
        bool warms = hash is null && algorithm is BalancingAlgorithm.LeastRequest or BalancingAlgorithm.RoundRobin;
        if (warmup is not null && !warms)
        {
            balancer.Warning("warmup", "Only ROUND_ROBIN and LEAST_REQUEST warm endpoints up; the field has no effect.");
        }

        bool? prefersNear = LocalityReader.Read(balancer, policy.Has("outlierDetection"));
        bool saysHow = balancer.Has("simple") || balancer.Has("consistentHash") || warmup is not null;
        return (
            saysHow
                ? new BalancingPolicy(hash is null ? algorithm : BalancingAlgorithm.ConsistentHash, hash, warms ? warmup : null)
                : null,
            prefersNear);
    }

    private static BalancingAlgorithm ReadSimple(FieldReader balancer)
    {
        switch (balancer.Text("simple"))
        {
            case null or "UNSPECIFIED" or "LEAST_REQUEST":
                return BalancingAlgorithm.LeastRequest;
            case "LEAST_CONN":
                balancer.Warning("simple", "LEAST_CONN is deprecated and the same as LEAST_REQUEST.");
                return BalancingAlgorithm.LeastRequest;
            case "ROUND_ROBIN":
                return BalancingAlgorithm.RoundRobin;
            case "RANDOM":
                return BalancingAlgorithm.Random;
            case "PASSTHROUGH":
                return BalancingAlgorithm.Passthrough;
            case { } other:
                balancer.Error("simple", $"'{other}' is not a way to balance.", "Write ROUND_ROBIN, LEAST_REQUEST, RANDOM or PASSTHROUGH.");
                return BalancingAlgorithm.LeastRequest;
        }
    }

    private static HashPolicy? ReadHash(FieldReader hash)
    {
        hash.RefuseUnknown("consistentHash", s_hashFields);
        string[] keys = [.. ((string[])["httpHeaderName", "httpCookie", "httpQueryParameterName", "useSourceIp"]).Where(hash.Has)];
        if (keys.Length != 1)
        {
            hash.Error(keys.Length == 0 ? "httpHeaderName" : keys[1], "A consistent hash is of one thing.");
            return null;
        }

        (bool isMaglev, int? size) = ReadTable(hash);
        switch (keys[0])
        {
            case "httpHeaderName" when hash.Text("httpHeaderName") is { } name:
                if (!TrafficFields.IsHeaderName(name))
                {
                    hash.Error("httpHeaderName", $"'{name}' is not the name of a header.");
                }

                return new HashPolicy(HashKeyKind.Header, name, string.Empty, CookieTtl: null, isMaglev, size);
            case "httpQueryParameterName" when hash.Text("httpQueryParameterName") is { } name:
                if (name.Length == 0)
                {
                    hash.Error("httpQueryParameterName", "A parameter needs a name.");
                }

                return new HashPolicy(HashKeyKind.QueryParameter, name, string.Empty, CookieTtl: null, isMaglev, size);
            case "useSourceIp":
                if (hash.Flag("useSourceIp") != true)
                {
                    hash.Error("useSourceIp", "A consistent hash is of one thing.", "Write true.");
                }

                return new HashPolicy(HashKeyKind.SourceAddress, string.Empty, string.Empty, CookieTtl: null, isMaglev, size);
            default:
                return hash.Section("httpCookie") is { } cookie ? ReadCookie(cookie, isMaglev, size) : null;
        }
    }

    private static HashPolicy? ReadCookie(FieldReader cookie, bool isMaglev, int? size)
    {
        cookie.RefuseUnknown("httpCookie", s_cookieFields);
        if (cookie.Has("attributes"))
        {
            cookie.Warning("attributes", "The cookie has no attributes but path and lifetime; the field has no effect.");
        }

        string path = cookie.Text("path") ?? string.Empty;
        if (path.Contains(';', StringComparison.Ordinal) || !cookie.CheckValue("path", path))
        {
            cookie.Error("path", $"'{path}' is not a path.");
        }

        if (cookie.RequiredText("name") is not { } name)
        {
            return null;
        }

        if (!TrafficFields.IsHeaderName(name))
        {
            cookie.Error("name", $"'{name}' is not the name of a cookie.");
        }

        return new HashPolicy(HashKeyKind.Cookie, name, path, cookie.Duration("ttl", isZeroAllowed: true), isMaglev, size);
    }

    private static (bool IsMaglev, int? Size) ReadTable(FieldReader hash)
    {
        if (hash.Section("maglev") is { } maglev)
        {
            int size = maglev.Integer("tableSize", 2, MaglevSizeMax) ?? MaglevSizeDefault;
            if (!IsPrime(size))
            {
                maglev.Error("tableSize", $"{size} is not a prime.");
            }

            if (hash.Has("ringHash") || hash.Has("minimumRingSize"))
            {
                hash.Error("maglev", "A consistent hash has a ring or a Maglev table, not both.");
            }

            return (true, size);
        }

        if (hash.Has("minimumRingSize"))
        {
            hash.Warning("minimumRingSize", "The field is deprecated.", "Use ringHash.minimumRingSize.");
        }

        int? ring = hash.Section("ringHash")?.Integer("minimumRingSize", 0, RingSizeMax)
            ?? hash.Integer("minimumRingSize", 0, RingSizeMax);
        return (false, ring is 0 ? null : ring);
    }

    private static bool IsPrime(int number)
    {
        for (int divisor = 2; divisor * divisor <= number; divisor++)
        {
            if (number % divisor == 0)
            {
                return false;
            }
        }

        return number > 1;
    }

    private static WarmupPolicy? ReadWarmup(FieldReader balancer)
    {
        const double MinimumPercentDefault = 10;
        const double AggressionDefault = 1;
        if (balancer.Has("warmupDurationSecs"))
        {
            balancer.Warning("warmupDurationSecs", "The field is deprecated.", "Use warmup.");
        }

        if (balancer.Section("warmup") is not { } warmup)
        {
            return balancer.Duration("warmupDurationSecs") is { } deprecated
                ? new WarmupPolicy(deprecated, MinimumPercentDefault, AggressionDefault)
                : null;
        }

        warmup.RefuseUnknown("warmup", s_warmupFields);
        if (!warmup.Has("duration"))
        {
            warmup.Error("duration", "The field is required.");
        }

        return warmup.Duration("duration") is { } duration
            ? new WarmupPolicy(
                duration,
                warmup.Number("minimumPercent", 0, 100) ?? MinimumPercentDefault,
                warmup.Number("aggression", 1, 1_000) ?? AggressionDefault)
            : null;
    }
}
