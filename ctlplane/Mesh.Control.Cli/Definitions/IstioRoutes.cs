using System.Collections.Immutable;
using static Mesh.Control.Cli.Definitions.IstioShapes;
using static Mesh.Control.Cli.Definitions.Shape;

namespace Mesh.Control.Cli.Definitions;

/// <summary>VirtualService of networking.istio.io.</summary>
internal static class IstioRoutes
{
    private static readonly Shape s_destination = Object(
        "Where it goes.",
        ("host!", Text("A service, by its name; a short one is of the namespace of the object.")),
        ("subset", Text("A subset of its endpoints, from a DestinationRule.")),
        ("port", NumberedPort));

    private static readonly Shape s_headerChanges = Object(
        string.Empty,
        ("set", Map("Headers that are overwritten.", Text())),
        ("add", Map("Headers that are appended.", Text())),
        ("remove", Texts("Headers that are taken out.")));

    private static readonly Shape s_headers = Object(
        "What is changed of headers.",
        ("request", s_headerChanges with { Description = "Of the request." }),
        ("response", s_headerChanges with { Description = "Of the response." }));

    /// <summary>Which clients a rule is for.</summary>
    private static readonly ImmutableArray<(string Name, Shape Shape)> s_clients =
    [
        ("port", Port("The port that was asked for.")),
        ("sourceLabels", Map("Labels of the client.", Text())),
        ("sourceNamespace", Text("The namespace of the client.")),
        ("gateways", Texts("mesh for the clients of the mesh, and gateways by name.")),
    ];

    private static readonly Shape s_match = Object(
        "All of it has to hold.",
        [
            ("name", Text("Its name.")),
            ("uri", TextMatch with { Description = "The path, without its query." }),
            ("ignoreUriCase", Flag("Whether an exact uri and a prefix are compared without their case.")),
            ("scheme", TextMatch with { Description = "http or https." }),
            ("method", TextMatch with { Description = "The method." }),
            ("authority", TextMatch with { Description = "The host." }),
            ("headers", Map("Headers that are so.", TextMatch)),
            ("withoutHeaders", Map("Headers that are not so.", TextMatch)),
            ("queryParams", Map("Parameters of the query that are so.", TextMatch)),
            ("statPrefix", Text("No longer of use.")),
            .. s_clients,
        ]);

    private static readonly Shape s_redirect = Object(
        "An answer that sends the client elsewhere.",
        ("uri", Text("In place of the whole path.")),
        ("prefixRewrite", Text("In place of the prefix that matched.")),
        ("authority", Text("In place of the host.")),
        ("port", Port("In place of the port.")),
        ("derivePort", Text("Where the port comes from.", "FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT")),
        ("scheme", Text("http or https.")),
        ("redirectCode", Integer("301, 302, 303, 307 or 308.")));

    private static readonly Shape s_rewrite = Object(
        "What is changed of the request's address.",
        ("uri", Text("In place of the prefix that matched, or of the whole path.")),
        ("uriRegexRewrite", Object(
            "A substitution within the path.",
            ("match", Text("An expression of RE2.")),
            ("rewrite", Text("What stands in place of what it matches.")))),
        ("authority", Text("In place of the host.")));

    private static readonly Shape s_retries = Object(
        "Whether a request that failed is sent again.",
        ("attempts", Integer("How often, besides the first time.", 0)),
        ("perTryTimeout", Duration("How long each may take.")),
        ("retryOn", Text("On what, with commas between.")),
        ("backoff", Duration("How long is waited before the second.")),
        ("retryRemoteLocalities", Flag("Whether others go to endpoints farther away.")),
        ("retryIgnorePreviousHosts", Flag("Whether others go to endpoints that were not asked yet.")));

    private static readonly Shape s_fault = Object(
        "Errors that are made on purpose.",
        ("delay", Object(
            "Requests that wait.",
            ("fixedDelay", Duration("How long.")),
            ("exponentialDelay", Duration("Not supported.")),
            ("percentage", Percentage),
            ("percent", Integer("No longer of use.")))),
        ("abort", Object(
            "Requests that fail.",
            ("httpStatus", Integer("With which status.", 200, 599)),
            ("grpcStatus", Text("With which status of gRPC.")),
            ("http2Error", Text("Not supported.")),
            ("percentage", Percentage))));

    private static readonly Shape s_cors = Object(
        "What browsers are told of other sites' requests.",
        ("allowOrigins", List("Sites that may ask.", TextMatch)),
        ("allowOrigin", Texts("No longer of use.")),
        ("allowMethods", Texts("Methods they may use.")),
        ("allowHeaders", Texts("Headers they may send.")),
        ("exposeHeaders", Texts("Headers they may read.")),
        ("maxAge", Duration("For how long that is so, in whole seconds.")),
        ("allowCredentials", Flag("Whether they may send cookies.")),
        ("unmatchedPreflights", Text("What becomes of others' preflights.", "UNSPECIFIED", "FORWARD", "IGNORE")));

    private static readonly Shape s_http = Object(
        "A rule for requests.",
        ("name", Text("Its name.")),
        ("match", List("One of them has to hold; everything without any.", s_match)),
        ("route", List("Where requests go, by weight.", Object(
            "A share of them.",
            ("destination!", s_destination),
            ("weight", Integer("Its share, of the sum of all weights.", 0)),
            ("headers", s_headers)))),
        ("redirect", s_redirect),
        ("directResponse", Object(
            "An answer from the proxy itself.",
            ("status!", Integer("Its status.", 200, 599)),
            ("body", Object("Its content.", ("string", Text("As it stands.")), ("bytes", Text("In base64.")))))),
        ("delegate", Object(
            "Another VirtualService that has the routes.",
            ("name", Text("Its name.")),
            ("namespace", Text("Its namespace.")))),
        ("rewrite", s_rewrite),
        ("timeout", Duration("How long a request may take, with all its retries; 0s for ever.")),
        ("retries", s_retries),
        ("fault", s_fault),
        ("mirror", s_destination with { Description = "Where a copy of each request goes." }),
        ("mirrorPercentage", Percentage),
        ("mirrorPercent", Integer("No longer of use.")),
        ("mirrors", List("Where copies of requests go.", Object(
            "One of them.",
            ("destination!", s_destination),
            ("percentage", Percentage)))),
        ("corsPolicy", s_cors),
        ("headers", s_headers));

    private static readonly Shape s_connections = List("Where connections go, by weight.", Object(
        "A share of them.",
        ("destination!", s_destination),
        ("weight", Integer("Its share, of the sum of all weights.", 0))));

    private static readonly Shape s_subnets = Texts("Addresses that were asked for, alone or as ranges.");

    public static Definition VirtualService { get; } = IstioKinds.Networking("VirtualService", "virtualservices", "vs") with
    {
        Description = "How requests and connections to hosts are routed.",
        Columns =
        [
            new("Gateways", "string", ".spec.gateways", "The gateways it is for."),
            new("Hosts", "string", ".spec.hosts", "The hosts it is for."),
            Column.Age,
        ],
        Nulls = NullFields.KeptWhereFree,
        Spec = Object(
            string.Empty,
            ("hosts", Texts("The hosts it is for; none where others delegate to it.")),
            ("gateways", Texts("mesh for the clients of the mesh, which is what nothing means, and gateways by name.")),
            ("http", List("Rules for requests; the first that matches holds.", s_http)),
            ("tls", List("Rules for connections of TLS.", Object(
                "A rule.",
                ("match", List("One of them has to hold.", Object(
                    "All of it has to hold.",
                    [("sniHosts", Texts("Hosts that clients ask for.")), ("destinationSubnets", s_subnets), .. s_clients]))),
                ("route", s_connections)))),
            ("tcp", List("Rules for other connections.", Object(
                "A rule.",
                ("match", List("One of them has to hold.", Object(
                    "All of it has to hold.", [("destinationSubnets", s_subnets), .. s_clients]))),
                ("route", s_connections)))),
            ("exportTo", ExportTo)),
    };
}
