using static Mesh.Control.Cli.Definitions.Shape;

namespace Mesh.Control.Cli.Definitions;

/// <summary>What several of Istio's kinds have in common.</summary>
internal static class IstioShapes
{
    /// <summary>Said where both a selector and targets are given.</summary>
    public const string SelectorAndTargets = "A selector and targetRefs do not go together.";

    /// <summary>A selector that selects nothing in particular does no harm, as the control plane reads it.</summary>
    public const string NotSelectorAndTargets =
        "!has(self.selector) || !has(self.selector.matchLabels) || size(self.selector.matchLabels) == 0"
        + " || !has(self.targetRefs) || size(self.targetRefs) == 0";

    public static readonly Shape ExportTo =
        Texts("The namespaces whose clients it holds for; . is its own, * and nothing are all.");

    /// <summary>The selector of policies.</summary>
    public static readonly Shape Selector = Object(
        "The workloads it is for; all of its namespace without it, and all of the mesh in the root namespace.",
        ("matchLabels", Map("Labels that a workload has.", Text())));

    /// <summary>The selector of what is about traffic.</summary>
    public static readonly Shape WorkloadSelector = Object(
        "Workloads, by labels that they have.", ("labels", Map("Their labels.", Text())));

    public static readonly Shape TargetRefs = List(
        "Services whose workloads it is for, instead of a selector.", Target("One of them."), most: 16);

    public static readonly Shape NumberedPort = Object("A port.", ("number", Port("Its number.")));

    public static readonly Shape TextMatch = Object(
        "One of the three; without any of them it is enough to be there.",
        ("exact", Text("The whole text.")),
        ("prefix", Text("What the text begins with.")),
        ("regex", Text("An expression of RE2 that the whole text matches.")));

    public static readonly Shape Percentage = Object("A share of the requests.", ("value", Percent("From 0 to 100.")));

    public static Shape Target(string description) => Object(
        description,
        ("group", Text("Its API group; empty for a Service.")),
        ("kind!", Text("Service or ServiceEntry.")),
        ("name!", Text("Its name.")),
        ("namespace", Text("That of the object itself.")));

    /// <summary>What names a listener: of Gateways and Sidecars.</summary>
    /// <param name="isWhole">Whether everything must be said.</param>
    public static Shape ListenerPort(bool isWhole) => Object(
        "The port that is listened on.",
        (isWhole ? "number!" : "number", isWhole ? Port("Its number.") : Integer("Its number.", 0, 65_535)),
        (isWhole ? "protocol!" : "protocol", Text("HTTP, HTTPS, GRPC, HTTP2, TLS, TCP and so on.")),
        (isWhole ? "name!" : "name", Text("Its name.")),
        ("targetPort", Integer("No longer of use.")));

    /// <summary>What is reached of an entry.</summary>
    public static Shape Endpoint(string description, bool needsAddress) => Object(
        description,
        (needsAddress ? "address!" : "address", Text("An IP address or a host name.")),
        ("ports", Map("Its ports, by the names that services give them.", Port())),
        ("labels", Map("Its labels.", Text())),
        ("network", Text("The network it is in.")),
        ("locality", Text("Region, zone and subzone, with slashes between them.")),
        ("weight", Integer("Its share among the others.", 0)),
        ("serviceAccount", Text("The service account whose identity it has.")));
}
