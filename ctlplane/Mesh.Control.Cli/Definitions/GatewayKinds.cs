using System.Collections.Immutable;
using static Mesh.Control.Cli.Definitions.Shape;

namespace Mesh.Control.Cli.Definitions;

/// <summary>The kinds of gateway.networking.k8s.io that the mesh reads.</summary>
internal static class GatewayKinds
{
    private const string Group = "gateway.networking.k8s.io";
    private const int FiltersMax = 16;

    private static readonly Column s_hostnames = new("Hostnames", "string", ".spec.hostnames", "The hosts it is for.");

    private static readonly Shape s_parents = List("What it is attached to.", most: 32, item: Object(
        "A Service, of group \"\".",
        ("group", Text("Its API group.")),
        ("kind", Text("Its kind.")),
        ("namespace", Text("Its namespace.")),
        ("name!", Text("Its name.")),
        ("sectionName", Text("The name of one of its ports.")),
        ("port", Port("One of its ports."))));

    private static readonly ImmutableArray<(string Name, Shape Shape)> s_backendFields =
    [
        ("group", Text("Its API group.")),
        ("kind", Text("Its kind; Service where nothing is said.")),
        ("namespace", Text("Its namespace; another needs a ReferenceGrant there.")),
        ("name!", Text("Its name.")),
        ("port", Port("Its port.")),
    ];

    private static readonly Shape s_header = Object("A header.", ("name!", Text("Its name.")), ("value!", Text("Its value.")));

    private static readonly Shape s_modifier = Object(
        "What is changed of headers.",
        ("set", List("Those that are overwritten.", s_header)),
        ("add", List("Those that are appended.", s_header)),
        ("remove", List("Those that are taken out.", Text())));

    private static readonly Shape s_path = Object(
        "What the path becomes.",
        ("type!", Text("ReplaceFullPath or ReplacePrefixMatch.")),
        ("replaceFullPath", Text("In place of the whole path.")),
        ("replacePrefixMatch", Text("In place of the prefix that matched.")));

    private static readonly Shape s_filters = List("What is done with requests on their way.", most: FiltersMax, item: Object(
        "A filter.",
        ("type!", Text("Which of them.")),
        ("requestHeaderModifier", s_modifier),
        ("responseHeaderModifier", s_modifier),
        ("requestMirror", Object(
            "A copy goes elsewhere.",
            ("backendRef!", Object("Where.", s_backendFields)),
            ("percent", Integer("Of so many.", 0, 100)),
            ("fraction", Object(
                "Of such a share.", ("numerator", Integer("Above the line.", 0)), ("denominator", Integer("Below it.", 1)))))),
        ("requestRedirect", Object(
            "An answer that sends the client elsewhere.",
            ("scheme", Text("http or https.")),
            ("hostname", Text("The host.")),
            ("path", s_path),
            ("port", Port("The port.")),
            ("statusCode", Integer("301, 302, 303, 307 or 308.")))),
        ("urlRewrite", Object("What is changed of the request's address.", ("hostname", Text("The host.")), ("path", s_path))),
        ("cors", Object(
            "What browsers are told of other sites' requests.",
            ("allowOrigins", Texts("Sites that may ask.")),
            ("allowCredentials", Flag("Whether they may send cookies.")),
            ("allowMethods", Texts("Methods they may use.")),
            ("allowHeaders", Texts("Headers they may send.")),
            ("exposeHeaders", Texts("Headers they may read.")),
            ("maxAge", Integer("For how many seconds that is so.", 1)))),
        ("extensionRef", Open("Not supported.")),
        ("externalAuth", Open("Not supported."))));

    private static readonly Shape s_backends = List("Where requests go, by weight.", most: 16, item: Object(
        "A share of them.",
        [
            .. s_backendFields,
            ("weight", Integer("Its share, of the sum of all weights; 1 where nothing is said.", 0, 1_000_000)),
            ("filters", s_filters),
        ]));

    private static readonly Shape s_named = Object(
        "One of them.",
        ("type", Text("Exact or RegularExpression.")),
        ("name!", Text("Its name.")),
        ("value!", Text("What it is.")));

    private static readonly Shape s_headers = List("Headers that are so.", s_named);

    private static readonly Shape s_httpRule = Object(
        "A rule.",
        ("name", Text("Its name.")),
        ("matches", List("One of them has to hold.", most: 64, item: Object(
            "All of it has to hold.",
            ("path", Object(
                "The path.",
                ("type", Text("Exact, PathPrefix or RegularExpression.")),
                ("value", Text("What it is.")))),
            ("headers", s_headers),
            ("queryParams", List("Parameters of the query that are so.", s_named)),
            ("method", Text(
                "The method.", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"))))),
        ("filters", s_filters),
        ("backendRefs", s_backends),
        ("timeouts", Object(
            "How long it may take.",
            ("request", Duration("With all retries; 0s for ever.")),
            ("backendRequest", Duration("Each time.")))),
        ("retry", Object(
            "Whether a request that failed is sent again.",
            ("codes", List("On which statuses.", Integer("A status.", 400, 599))),
            ("attempts", Integer("How often.")),
            ("backoff", Duration("How long is waited before.")))),
        ("sessionPersistence", Open("Not supported.")));

    private static readonly Shape s_grpcRule = Object(
        "A rule.",
        ("name", Text("Its name.")),
        ("matches", List("One of them has to hold.", most: 64, item: Object(
            "All of it has to hold.",
            ("method", Object(
                "What is called.",
                ("type", Text("Exact or RegularExpression.")),
                ("service", Text("The service.")),
                ("method", Text("The method.")))),
            ("headers", s_headers)))),
        ("filters", s_filters),
        ("backendRefs", s_backends),
        ("sessionPersistence", Open("Not supported.")));

    private static readonly Shape s_connectionRule = Object("A rule.", ("name", Text("Its name.")), ("backendRefs", s_backends));

    public static Definition HttpRoute { get; } = Of("HTTPRoute", "httproutes", "v1", "v1beta1") with
    {
        Description = "How requests of HTTP to Services are routed.",
        Columns = [s_hostnames, Column.Age],
        Spec = Route(s_httpRule),
    };

    public static Definition GrpcRoute { get; } = Of("GRPCRoute", "grpcroutes", "v1") with
    {
        Description = "How requests of gRPC to Services are routed.",
        Columns = [s_hostnames, Column.Age],
        Spec = Route(s_grpcRule),
    };

    public static Definition TcpRoute { get; } = Of("TCPRoute", "tcproutes", "v1", "v1alpha2") with
    {
        Description = "Where connections to Services go.",
        Columns = [Column.Age],
        Spec = Object(
            string.Empty,
            ("parentRefs", s_parents),
            ("rules", List("The one rule.", s_connectionRule, least: 1))),
    };

    public static Definition TlsRoute { get; } = Of("TLSRoute", "tlsroutes", "v1", "v1alpha3", "v1alpha2") with
    {
        Description = "Where connections of TLS to Services go, by the host they ask for.",
        Columns = [s_hostnames, Column.Age],
        Spec = Object(
            string.Empty,
            ("parentRefs", s_parents),
            ("hostnames", List("The hosts it is for.", Text(), most: 1024)),
            ("rules", List("The one rule.", s_connectionRule, least: 1))),
    };

    public static Definition ReferenceGrant { get; } = Of("ReferenceGrant", "referencegrants", "v1", "v1beta1") with
    {
        Description = "Lets routes of other namespaces lead here.",
        ShortNames = ["refgrant"],
        StoredVersion = "v1beta1",
        Columns = [Column.Age],
        HasStatus = false,
        Spec = Object(
            string.Empty,
            ("from!", List("Who may.", least: 1, most: 16, item: Object(
                "One of them.",
                ("group!", Text("The API group of the routes.")),
                ("kind!", Text("Their kind.")),
                ("namespace!", Text("Their namespace."))))),
            ("to!", List("Where to.", least: 1, most: 16, item: Object(
                "One of them.",
                ("group!", Text("Its API group.")),
                ("kind!", Text("Its kind.")),
                ("name", Text("Its name; any where nothing is said.")))))),
    };

    private static Shape Route(Shape rule) => Object(
        string.Empty,
        ("parentRefs", s_parents),
        ("hostnames", List("Of gateways' routes: the hosts it is for.", Text(), most: 16)),
        ("rules", List("The most particular that matches holds.", rule, least: 1, most: 16)));

    private static Definition Of(string kind, string plural, params ImmutableArray<string> versions) => new()
    {
        Group = Group,
        Kind = kind,
        Plural = plural,
        Categories = ["gateway-api"],
        Versions = versions,
        Description = string.Empty,
        Spec = Open(),
        IsSpecRequired = true,
        Nulls = NullFields.KeptWhereFree,
    };
}
