using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads ConnectionPoolSettings.</summary>
internal static class ConnectionPoolReader
{
    private static readonly string[] s_fields = ["http", "tcp"];
    private static readonly string[] s_tcpFields =
        ["connectTimeout", "idleTimeout", "maxConnectionDuration", "maxConnections", "tcpKeepalive"];

    private static readonly string[] s_keepAliveFields = ["interval", "timeout"];
    private static readonly string[] s_httpFields =
    [
        "h2UpgradePolicy", "http1MaxPendingRequests", "http2KeepAlive", "http2MaxRequests", "idleTimeout", "maxConcurrentStreams",
        "maxRequestsPerConnection", "maxRetries", "useClientProtocol",
    ];

    public static ConnectionLimits? Read(FieldReader policy)
    {
        if (policy.Section("connectionPool") is not { } pool)
        {
            return null;
        }

        pool.RefuseUnknown("connectionPool", s_fields);
        if (!pool.Has("tcp") && !pool.Has("http"))
        {
            policy.Error("connectionPool", "It says nothing.", "Leave it out.");
        }

        FieldReader? tcp = pool.Section("tcp");
        FieldReader? http = pool.Section("http");
        tcp?.RefuseUnknown("tcp", s_tcpFields);
        http?.RefuseUnknown("http", s_httpFields);
        if (tcp?.Has("tcpKeepalive") == true)
        {
            tcp.Warning("tcpKeepalive", "Probes are those of the node; the field has no effect.");
        }

        bool usesClientProtocol = http?.Flag("useClientProtocol") ?? false;
        Http2Upgrade upgrade = ReadUpgrade(http);
        if (usesClientProtocol && upgrade == Http2Upgrade.Always)
        {
            http!.Error("h2UpgradePolicy", "UPGRADE does not go with useClientProtocol.");
        }

        TimeSpan? tcpIdle = tcp?.Duration("idleTimeout", isZeroAllowed: true);
        return new ConnectionLimits
        {
            MaxConnections = Limit(tcp, "maxConnections"),
            ConnectTimeout = tcp?.Duration("connectTimeout"),
            TcpIdleTimeout = tcpIdle,
            HttpIdleTimeout = http?.Duration("idleTimeout", isZeroAllowed: true) ?? tcpIdle,
            MaxConnectionDuration = tcp?.Duration("maxConnectionDuration"),
            MaxPendingRequests = Limit(http, "http1MaxPendingRequests"),
            MaxRequests = Limit(http, "http2MaxRequests"),
            MaxRequestsPerConnection = (uint)(http?.Integer("maxRequestsPerConnection", 0, int.MaxValue) ?? 0),
            MaxRetries = Limit(http, "maxRetries"),
            MaxConcurrentStreams = Limit(http, "maxConcurrentStreams"),
            Http2Upgrade = upgrade,
            UsesClientProtocol = usesClientProtocol,
            KeepAlive = ReadKeepAlive(http?.Section("http2KeepAlive")),
        };
    }

    /// <summary>Both times are needed: PINGs without one of them would mean nothing.</summary>
    private static Http2KeepAlive? ReadKeepAlive(FieldReader? keepAlive)
    {
        if (keepAlive is not { } there)
        {
            return null;
        }

        there.RefuseUnknown("http2KeepAlive", s_keepAliveFields);
        TimeSpan? interval = there.Duration("interval");
        TimeSpan? timeout = there.Duration("timeout");
        foreach (string key in s_keepAliveFields.Where(key => !there.Has(key)))
        {
            there.Error(key, "It is missing.", "Say both interval and timeout.");
        }

        return interval is { } between && timeout is { } limit ? new Http2KeepAlive(between, limit) : null;
    }

    /// <summary>0 stands for the default, as everywhere where a message of protobuf was meant.</summary>
    private static uint? Limit(FieldReader? reader, string key) =>
        reader?.Integer(key, 0, int.MaxValue) is { } value and > 0 ? (uint)value : null;

    private static Http2Upgrade ReadUpgrade(FieldReader? http)
    {
        switch (http?.Text("h2UpgradePolicy"))
        {
            case null or "DEFAULT":
                return Http2Upgrade.ByPort;
            case "DO_NOT_UPGRADE":
                return Http2Upgrade.Never;
            case "UPGRADE":
                return Http2Upgrade.Always;
            case { } other:
                http!.Error("h2UpgradePolicy", $"'{other}' is not a policy.", "Write DEFAULT, DO_NOT_UPGRADE or UPGRADE.");
                return Http2Upgrade.ByPort;
        }
    }
}
