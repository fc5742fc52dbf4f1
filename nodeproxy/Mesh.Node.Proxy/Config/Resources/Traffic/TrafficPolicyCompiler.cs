using Mesh.Node.Model.Balancing.Hashing;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Traffic;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Node.Proxy.Config.Resources.Traffic;

/// <summary>Policies from the wire. Throws where something is not as it must be; what is absent has its default.</summary>
internal static class TrafficPolicyCompiler
{
    private const int PercentMax = 100;

    /// <exception cref="ResourceRefusedException">Something in it is unknown, missing or out of range.</exception>
    public static TrafficPolicy Read(Wire.TrafficPolicy? wire, Field field) => wire is null
        ? TrafficPolicy.Default
        : new TrafficPolicy
        {
            Balancing = ReadBalancing(wire.Balancing, field["balancing"]),
            Limits = ReadLimits(wire.Limits, field["limits"]),
            Outliers = ReadOutliers(wire.Outliers, field["outliers"]),
            PanicPercent = field["panic_percent"].Number(wire.PanicPercent, 0, PercentMax),
            PrefersNear = wire.PrefersNear,
            Tls = ReadTls(wire.Tls, field["tls"]),
        };

    private static TlsOrigination? ReadTls(Wire.TlsOrigination? wire, Field field)
    {
        if (wire is null)
        {
            return null;
        }

        field["private_key_file"].Require(
            wire.CertificateFile.Length > 0 == wire.PrivateKeyFile.Length > 0, "a certificate and its key belong together");
        field["accepted_names"].Require(wire.AcceptedNames.All(name => name.Length > 0), "one of them is empty");
        return new TlsOrigination
        {
            ServerName = wire.ServerName,
            AcceptedNames = [.. wire.AcceptedNames],
            SkipsVerification = wire.SkipVerification,
            RootsFile = wire.RootsFile,
            RevocationsFile = wire.RevocationsFile,
            CertificateFile = wire.CertificateFile,
            KeyFile = wire.PrivateKeyFile,
        };
    }

    private static BalancingPolicy ReadBalancing(Wire.Balancing? wire, Field field)
    {
        if (wire is null)
        {
            return BalancingPolicy.Default;
        }

        BalancingAlgorithm algorithm = wire.Algorithm switch
        {
            Wire.Balancing.Types.Algorithm.LeastRequest => BalancingAlgorithm.LeastRequest,
            Wire.Balancing.Types.Algorithm.RoundRobin => BalancingAlgorithm.RoundRobin,
            Wire.Balancing.Types.Algorithm.Random => BalancingAlgorithm.Random,
            Wire.Balancing.Types.Algorithm.Passthrough => BalancingAlgorithm.Passthrough,
            Wire.Balancing.Types.Algorithm.ConsistentHash => BalancingAlgorithm.ConsistentHash,
            _ => throw field["algorithm"].Refuse($"{wire.Algorithm:D} is not known here"),
        };
        field["hash"].Require(wire.Hash is not null == (algorithm == BalancingAlgorithm.ConsistentHash), "it belongs to CONSISTENT_HASH");
        field["warmup"].Require(
            wire.Warmup is null || algorithm is BalancingAlgorithm.LeastRequest or BalancingAlgorithm.RoundRobin,
            "it belongs to LEAST_REQUEST and ROUND_ROBIN");
        return new BalancingPolicy(
            algorithm,
            wire.Hash is null ? null : ReadHash(wire.Hash, field["hash"]),
            wire.Warmup is null ? null : ReadWarmup(wire.Warmup, field["warmup"]));
    }

    private static HashPolicy ReadHash(Wire.Hash wire, Field field)
    {
        (HashKey key, string name) = wire.KeyCase switch
        {
            Wire.Hash.KeyOneofCase.Header => (HashKey.Header, HeaderCompiler.Name(wire.Header, field["header"])),
            Wire.Hash.KeyOneofCase.Cookie => (HashKey.Cookie, HeaderCompiler.Name(wire.Cookie.Name, field["cookie"]["name"])),
            Wire.Hash.KeyOneofCase.QueryParameter when wire.QueryParameter.Length > 0 => (HashKey.QueryParameter, wire.QueryParameter),
            Wire.Hash.KeyOneofCase.SourceAddress when wire.SourceAddress => (HashKey.SourceAddress, ""),
            _ => throw field.Refuse("it does not say what is hashed"),
        };
        bool isCookie = key == HashKey.Cookie;
        return new HashPolicy(key, name, isCookie ? CookiePath(wire.Cookie.Path, field["cookie"]["path"]) : "")
        {
            CookieTtl = isCookie ? field["cookie"]["ttl"].TimeOrZero(wire.Cookie.Ttl) : null,
            Table = TableOf(wire),
            TableSize = SizeOf(wire, field),
        };
    }

    private static HashTableKind TableOf(Wire.Hash wire) =>
        wire.TableCase == Wire.Hash.TableOneofCase.MaglevSize ? HashTableKind.Maglev : HashTableKind.Ring;

    private static int SizeOf(Wire.Hash wire, Field field)
    {
        switch (wire.TableCase)
        {
            case Wire.Hash.TableOneofCase.RingSizeMin:
                return field["ring_size_min"].Number(wire.RingSizeMin, 1, HashRing.PointsMax);
            case Wire.Hash.TableOneofCase.MaglevSize:
                int size = field["maglev_size"].Number(wire.MaglevSize, 2, MaglevTable.SlotsMax);
                field["maglev_size"].Require(IsPrime(size), $"{size} is no prime");
                return size;
            default:
                return HashRing.PointsMinDefault;
        }
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

    private static string CookiePath(string path, Field field)
    {
        field.Require(!path.Contains(';', StringComparison.Ordinal), "it has a semicolon");
        return HeaderCompiler.Value(path, field);
    }

    private static WarmupPolicy ReadWarmup(Wire.Warmup wire, Field field)
    {
        TimeSpan duration = field["duration"].Time(wire.Duration) ?? throw field["duration"].Refuse("there is none");
        field["minimum_percent"].Require(wire.MinimumPercent is >= 0 and <= PercentMax, $"{wire.MinimumPercent} is not from 0 to 100");
        field["aggression"].Require(wire.Aggression is >= 1 and <= 1_000, $"{wire.Aggression} is not from 1 to 1000");
        return new WarmupPolicy(duration, wire.MinimumPercent, wire.Aggression);
    }

    private static ConnectionLimits ReadLimits(Wire.ConnectionLimits? wire, Field field)
    {
        ConnectionLimits defaults = ConnectionLimits.Default;
        if (wire is null)
        {
            return defaults;
        }

        return new ConnectionLimits
        {
            MaxConnections = wire.HasMaxConnections ? wire.MaxConnections : defaults.MaxConnections,
            ConnectTimeout = field["connect_timeout"].Time(wire.ConnectTimeout) ?? defaults.ConnectTimeout,
            TcpIdleTimeout = field["tcp_idle_timeout"].Limit(wire.TcpIdleTimeout, defaults.TcpIdleTimeout),
            HttpIdleTimeout = field["http_idle_timeout"].Limit(wire.HttpIdleTimeout, defaults.HttpIdleTimeout),
            MaxConnectionDuration = field["max_connection_duration"].Time(wire.MaxConnectionDuration),
            MaxPendingRequests = wire.HasMaxPendingRequests ? wire.MaxPendingRequests : defaults.MaxPendingRequests,
            MaxRequests = wire.HasMaxRequests ? wire.MaxRequests : defaults.MaxRequests,
            MaxRequestsPerConnection = wire.MaxRequestsPerConnection,
            MaxRetries = wire.HasMaxRetries ? wire.MaxRetries : defaults.MaxRetries,
            RetryBudget = wire.RetryBudget is null ? null : ReadBudget(wire.RetryBudget, field["retry_budget"]),
            MaxConcurrentStreams = wire.HasMaxConcurrentStreams
                ? (uint)field["max_concurrent_streams"].Number(wire.MaxConcurrentStreams, 1, int.MaxValue)
                : defaults.MaxConcurrentStreams,
            Http2Upgrade = wire.Http2Upgrade switch
            {
                Wire.ConnectionLimits.Types.Http2Upgrade.ByPort => Http2Upgrade.ByPort,
                Wire.ConnectionLimits.Types.Http2Upgrade.Never => Http2Upgrade.Never,
                Wire.ConnectionLimits.Types.Http2Upgrade.Always => Http2Upgrade.Always,
                _ => throw field["http2_upgrade"].Refuse($"{wire.Http2Upgrade:D} is not known here"),
            },
            UsesClientProtocol = wire.UseClientProtocol,
            KeepAlive = wire.Http2KeepAlive is null ? null : ReadKeepAlive(wire.Http2KeepAlive, field["http2_keep_alive"]),
        };
    }

    private static Http2KeepAlive ReadKeepAlive(Wire.Http2KeepAlive wire, Field field)
    {
        TimeSpan interval = field["interval"].Time(wire.Interval) ?? throw field["interval"].Refuse("there is none");
        TimeSpan timeout = field["timeout"].Time(wire.Timeout) ?? throw field["timeout"].Refuse("there is none");
        return new Http2KeepAlive(interval, timeout);
    }

    private static RetryBudget ReadBudget(Wire.RetryBudget wire, Field field)
    {
        field["percent"].Require(wire.Percent is >= 0 and <= PercentMax, $"{wire.Percent} is not from 0 to 100");
        return new RetryBudget(wire.Percent, wire.RetriesMin);
    }

    private static OutlierOptions? ReadOutliers(Wire.Outliers? wire, Field field)
    {
        if (wire is null)
        {
            return null;
        }

        var defaults = new OutlierOptions();
        return defaults with
        {
            Consecutive5xx = Count(wire.HasConsecutive5Xx, wire.Consecutive5Xx, defaults.Consecutive5xx, "consecutive_5xx"),
            ConsecutiveGatewayErrors = Count(
                wire.HasConsecutiveGatewayErrors,
                wire.ConsecutiveGatewayErrors,
                defaults.ConsecutiveGatewayErrors,
                "consecutive_gateway_errors"),
            SplitsLocalOrigin = wire.SplitLocalOrigin,
            ConsecutiveLocalOriginFailures = Count(
                wire.HasConsecutiveLocalOriginFailures,
                wire.ConsecutiveLocalOriginFailures,
                defaults.ConsecutiveLocalOriginFailures,
                "consecutive_local_origin_failures"),
            Interval = field["interval"].Time(wire.Interval) ?? defaults.Interval,
            BaseEjection = field["base_ejection"].Time(wire.BaseEjection) ?? defaults.BaseEjection,
            MaxEjectionPercent = wire.HasMaxEjectionPercent
                ? field["max_ejection_percent"].Number(wire.MaxEjectionPercent, 0, PercentMax)
                : defaults.MaxEjectionPercent,
        };

        int Count(bool has, uint value, int otherwise, string name) => has ? field[name].Number(value, 0, int.MaxValue) : otherwise;
    }
}
