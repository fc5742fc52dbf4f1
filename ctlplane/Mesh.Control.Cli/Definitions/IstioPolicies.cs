using System.Collections.Immutable;
using static Mesh.Control.Cli.Definitions.IstioShapes;
using static Mesh.Control.Cli.Definitions.Shape;

namespace Mesh.Control.Cli.Definitions;

/// <summary>The kinds of security.istio.io and telemetry.istio.io.</summary>
internal static class IstioPolicies
{
    /// <summary>Conditions on what a field says, each with its negation.</summary>
    private static readonly Shape s_source = Object("All of it has to hold.", Negatable(
        ("principals", "Identities, as certificates have them."),
        ("serviceAccounts", "Service accounts, with their namespaces or of the policy's own."),
        ("namespaces", "Namespaces of identities."),
        ("trustDomains", "Trust domains of identities."),
        ("requestPrincipals", "Who a token is about: issuer, slash, subject."),
        ("ipBlocks", "Addresses that connections come from."),
        ("remoteIpBlocks", "Addresses that requests come from, as X-Forwarded-For has them.")));

    private static readonly Shape s_operation = Object("All of it has to hold.", Ports.AddRange(Negatable(
        ("hosts", "Hosts that are asked for."),
        ("methods", "Methods, or of gRPC the whole path."),
        ("paths", "Paths, without their queries."))));

    /// <summary>Also what a RateLimit counts.</summary>
    public static Shape Rule { get; } = Object(
        "All of it has to hold.",
        ("from", List("Who asks: one of them.", Object(string.Empty, ("source", s_source)))),
        ("to", List("What is asked for: one of them.", Object(string.Empty, ("operation", s_operation)))),
        ("when", List("What else has to hold: all of them.", Object(
            "A condition.",
            ("key!", Text("What is looked at, such as request.headers[x-user].")),
            ("values", List("What it may be.", TextOrInteger())),
            ("notValues", List("What it may not be.", TextOrInteger()))))));

    public static Definition AuthorizationPolicy { get; } = IstioKinds.Security("AuthorizationPolicy", "authorizationpolicies", "ap") with
    {
        Description = "Who may ask workloads for what.",
        Columns = [new("Action", "string", ".spec.action", "What becomes of what matches."), Column.Age],
        Spec = Object(
            string.Empty,
            ("selector", Selector),
            ("targetRef", Target("No longer of use: one of targetRefs.")),
            ("targetRefs", TargetRefs),
            ("action", Text("What becomes of what matches; ALLOW where nothing is said.", "ALLOW", "DENY", "AUDIT", "CUSTOM")),
            ("provider", Object("Who decides, with CUSTOM.", ("name", Text("Its name in extensionProviders.")))),
            ("rules", List("What matches: one of them.", Rule)))
            .With(NotSelectorAndTargets, SelectorAndTargets),
    };

    public static Definition PeerAuthentication { get; } = IstioKinds.Security("PeerAuthentication", "peerauthentications", "pa") with
    {
        Description = "Whether workloads take connections that are not encrypted.",
        Columns = [new("Mode", "string", ".spec.mtls.mode", "Whether they do."), Column.Age],
        Spec = Object(
            string.Empty,
            ("selector", Selector),
            ("mtls", Mode()),
            ("portLevelMtls", Map("Single ports of selected workloads.", Mode())))
            .With(
                "!has(self.portLevelMtls) || (has(self.selector) && has(self.selector.matchLabels)"
                    + " && size(self.selector.matchLabels) > 0)",
                "Ports can be set apart only for selected workloads."),
    };

    public static Definition RequestAuthentication { get; } =
        IstioKinds.Security("RequestAuthentication", "requestauthentications", "ra") with
        {
            Description = "Which tokens of requests are good.",
            Spec = Object(
                string.Empty,
                ("selector", Selector),
                ("targetRef", Target("No longer of use: one of targetRefs.")),
                ("targetRefs", TargetRefs),
                ("jwtRules", List("Issuers.", Object(
                    "One of them.",
                    ("issuer", Text("Its name, as tokens have it.")),
                    ("audiences", Texts("Whom tokens may be for.")),
                    ("jwksUri", Text("Where its keys are.")),
                    ("jwks_uri", Text("The same.")),
                    ("jwks", Text("Its keys.")),
                    ("fromHeaders", List("Headers that tokens are in.", Object(
                        "One of them.", ("name!", Text("Its name.")), ("prefix", Text("What stands before the token."))))),
                    ("fromParams", Texts("Parameters of the query that tokens are in.")),
                    ("fromCookies", Texts("Cookies that tokens are in.")),
                    ("outputPayloadToHeader", Text("A header for what the token says.")),
                    ("forwardOriginalToken", Flag("Whether the application gets the token.")),
                    ("outputClaimToHeaders", List("Headers for single claims.", Object(
                        "One of them.",
                        ("header!", Text("Its name.")),
                        ("claim!", Text("The claim, with dots where it is within others."))))),
                    ("spaceDelimitedClaims", Texts("Claims that are lists of words.")),
                    ("timeout", Duration("How long its keys are waited for."))))))
                .With(NotSelectorAndTargets, SelectorAndTargets),
        };

    public static Definition Telemetry { get; } = IstioKinds.Telemetry("Telemetry", "telemetries", "telemetry") with
    {
        Description = "What is measured, traced and logged. Nodes say so for themselves here, so that it has no effect.",
        Columns = [Column.Age],
        Spec = Object(
            string.Empty,
            ("selector", Selector),
            ("targetRef", Target("No longer of use: one of targetRefs.")),
            ("targetRefs", TargetRefs),
            ("tracing", List("Traces.", Object(
                string.Empty,
                ("match", Sides()),
                ("providers", Providers()),
                ("randomSamplingPercentage", Percent("Which share of requests.")),
                ("disableSpanReporting", Flag("Whether none is reported.")),
                ("customTags", Map("Tags of spans.", Open("One of them.")))))),
            ("metrics", List("Metrics.", Object(
                string.Empty,
                ("providers", Providers()),
                ("reportingInterval", Duration("How often connections are told of.")),
                ("overrides", List("What is different.", Object(
                    string.Empty,
                    ("match", Object(
                        "Of which metric.",
                        ("metric", Text("One of Istio's.")),
                        ("customMetric", Text("Another.")),
                        ("mode", Text("Whose.", "CLIENT", "SERVER", "CLIENT_AND_SERVER")))),
                    ("disabled", Flag("Whether it is left out.")),
                    ("tagOverrides", Map("Its labels.", Open("One of them."))))))))),
            ("accessLogging", List("Access logs.", Object(
                string.Empty,
                ("match", Sides()),
                ("providers", Providers()),
                ("disabled", Flag("Whether nothing is logged.")),
                ("filter", Object("What is logged.", ("expression", Text("An expression of CEL.")))))))),
    };

    /// <summary>Ports may be numbers.</summary>
    private static ImmutableArray<(string Name, Shape Shape)> Ports =>
    [
        ("ports", List("Ports of the workload.", TextOrInteger())),
        ("notPorts", List("None of them.", TextOrInteger())),
    ];

    private static Shape Mode() => Object(
        "Whether they do.",
        ("mode", Text("STRICT: none; PERMISSIVE and DISABLE: all.", "UNSET", "DISABLE", "PERMISSIVE", "STRICT")));

    private static Shape Sides() => Object(
        "Whose.", ("mode", Text("Of clients, of servers or of both.", "CLIENT", "SERVER", "CLIENT_AND_SERVER")));

    private static Shape Providers() => List("Where they go.", Object(string.Empty, ("name", Text("Its name."))));

    private static ImmutableArray<(string Name, Shape Shape)> Negatable(params ReadOnlySpan<(string Name, string Description)> fields)
    {
        var both = new List<(string Name, Shape Shape)>();
        foreach ((string name, string description) in fields)
        {
            both.Add((name, Texts(description)));
            both.Add(($"not{char.ToUpperInvariant(name[0])}{name[1..]}", Texts("None of them.")));
        }

        return [.. both];
    }
}
