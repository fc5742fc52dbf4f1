using System.Collections.Immutable;
using static Mesh.Control.Cli.Definitions.IstioShapes;
using static Mesh.Control.Cli.Definitions.Shape;

namespace Mesh.Control.Cli.Definitions;

/// <summary>DestinationRule of networking.istio.io.</summary>
internal static class IstioDestinations
{
    private static readonly Shape s_balancer = Object(
        "Which endpoint a request goes to.",
        ("simple", Text(
            "How one is picked.", "UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST")),
        ("consistentHash", Object(
            "The same for what is alike.",
            ("httpHeaderName", Text("By this header.")),
            ("httpCookie", Object(
                "By a cookie, which is given to clients that have none.",
                ("name!", Text("Its name.")),
                ("path", Text("Its path.")),
                ("ttl", Duration("For how long it is kept; 0s until the browser ends.")),
                ("attributes", List("Not supported.", Open("An attribute."))))),
            ("useSourceIp", Flag("By the client's address.")),
            ("httpQueryParameterName", Text("By this parameter of the query.")),
            ("ringHash", Object("With a ring.", ("minimumRingSize", Integer("Its least size.", 0)))),
            ("maglev", Object("With a table of Maglev.", ("tableSize", Integer("Its size, a prime.", 0)))),
            ("minimumRingSize", Integer("No longer of use.", 0)))),
        ("localityLbSetting", Object(
            "Whether endpoints near the client are preferred.",
            ("enabled", Flag("Whether they are.")),
            ("distribute", List("Not supported.", Object(
                "Of clients in a place.",
                ("from", Text("The place.")),
                ("to", Map("Shares, by place.", Integer("A share.", 0)))))),
            ("failover", List("Not supported.", Object(
                "Of clients in a region.",
                ("from", Text("The region.")),
                ("to", Text("The next."))))),
            ("failoverPriority", Texts("Not supported.")))),
        ("zoneAwareLbSetting", Open("Not supported.")),
        ("warmup", Object(
            "How long endpoints that are new get less.",
            ("duration!", Duration("How long.")),
            ("minimumPercent", Percent("The share they begin with.")),
            ("aggression", Number("How their share grows; from 1.")))),
        ("warmupDurationSecs", Duration("No longer of use.")));

    private static readonly Shape s_pool = Object(
        "Limits, for each node.",
        ("tcp", Object(
            "Of connections.",
            ("maxConnections", Integer("How many.", 0)),
            ("connectTimeout", Duration("How long one may take to open.")),
            ("tcpKeepalive", Open("Not supported.")),
            ("maxConnectionDuration", Duration("How long one may be open.")),
            ("idleTimeout", Duration("How long one may carry nothing; 0s for ever.")))),
        ("http", Object(
            "Of requests.",
            ("http1MaxPendingRequests", Integer("How many may wait.", 0)),
            ("http2MaxRequests", Integer("How many may be under way.", 0)),
            ("maxRequestsPerConnection", Integer("How many a connection carries; 0 for any number.", 0)),
            ("maxRetries", Integer("How many may be repeated at once.", 0)),
            ("idleTimeout", Duration("How long a connection may carry none; 0s for ever.")),
            ("h2UpgradePolicy", Text("Whether HTTP/2 is used.", "DEFAULT", "DO_NOT_UPGRADE", "UPGRADE")),
            ("useClientProtocol", Flag("Whether the version of HTTP is the client's.")),
            ("maxConcurrentStreams", Integer("How many a connection of HTTP/2 carries at once.", 0)),
            ("http2KeepAlive", Object(
                "PINGs on connections of HTTP/2.",
                ("interval!", Duration("How often.")),
                ("timeout!", Duration("How long the answer may take.")))))));

    private static readonly Shape s_outliers = Object(
        "When an endpoint is left out.",
        ("consecutive5xxErrors", Integer("After so many errors of the server in a row; 0 for never.", 0)),
        ("consecutiveGatewayErrors", Integer("After so many of 502, 503 and 504 in a row; 0 for never.", 0)),
        ("consecutiveErrors", Integer("No longer of use.", 0)),
        ("splitExternalLocalOriginErrors", Flag("Whether connections that fail are counted apart.")),
        ("consecutiveLocalOriginFailures", Integer("After so many of these in a row.", 0)),
        ("interval", Duration("How often endpoints are looked at.")),
        ("baseEjectionTime", Duration("For how long; longer each time.")),
        ("maxEjectionPercent", Integer("How many may be left out at once.", 0, 100)),
        ("minHealthPercent", Integer("Of fewer than so many, none is left out.", 0, 100)),
        ("outlierDetectionHttpErrorCodes", List("Not supported.", Integer("A status."))));

    private static readonly Shape s_tls = Object(
        "TLS towards the server.",
        ("mode", Text("Which.", "DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")),
        ("clientCertificate", Text("A file of each node: the client's certificate.")),
        ("privateKey", Text("A file of each node: its key.")),
        ("caCertificates", Text("A file of each node: who the server's certificate is from.")),
        ("caCrl", Text("A file of each node: certificates that are revoked.")),
        ("credentialName", Text("Not supported.")),
        ("subjectAltNames", Texts("Names that the server may have.")),
        ("sni", Text("The host that is asked for.")),
        ("insecureSkipVerify", Flag("Whether any certificate will do.")));

    private static readonly ImmutableArray<(string Name, Shape Shape)> s_settings =
    [
        ("loadBalancer", s_balancer),
        ("connectionPool", s_pool),
        ("outlierDetection", s_outliers),
        ("tls", s_tls),
    ];

    private static readonly Shape s_policy = Object(
        "How requests are carried.",
        [
            .. s_settings,
            ("portLevelSettings", List("The same for single ports, in its place.", Object(
                "A port.",
                [("port", NumberedPort), .. s_settings.Select(field => (field.Name, field.Shape.Brief()))]))),
            ("tunnel", Open("Not supported.")),
            ("proxyProtocol", Open("Not supported.")),
            ("retryBudget", Object(
                "How many requests may be repeated.",
                ("percent", Percent("Of those under way.")),
                ("minRetryConcurrency", Integer("So many at least.", 0)),
                ("budgetInterval", Duration("Not supported.")))),
        ]);

    public static Definition DestinationRule { get; } = IstioKinds.Networking("DestinationRule", "destinationrules", "dr") with
    {
        Description = "How requests to a host are carried, and subsets of its endpoints.",
        Columns = [new("Host", "string", ".spec.host", "The host it is for."), Column.Age],
        Spec = Object(
            string.Empty,
            ("host!", Text("The host, or *. and the rest of one.")),
            ("trafficPolicy", s_policy),
            ("subsets", List("Endpoints, by labels.", Object(
                "A subset.",
                ("name!", Text("Its name.")),
                ("labels", Map("Labels of its endpoints.", Text())),
                ("trafficPolicy", s_policy.Brief())))),
            ("exportTo", ExportTo),
            ("workloadSelector", Selector with { Description = "Not supported." })),
    };

    /// <summary>As it stands in a Sidecar.</summary>
    public static Shape ConnectionPool => s_pool;
}
