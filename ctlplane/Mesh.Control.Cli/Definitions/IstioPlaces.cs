using static Mesh.Control.Cli.Definitions.IstioShapes;
using static Mesh.Control.Cli.Definitions.Shape;

namespace Mesh.Control.Cli.Definitions;

/// <summary>The other kinds of networking.istio.io: what there is besides pods, and who sees what.</summary>
internal static class IstioPlaces
{
    private const string NoEffect = "Not supported; it has no effect.";

    public static Definition ServiceEntry { get; } = IstioKinds.Networking("ServiceEntry", "serviceentries", "se") with
    {
        Description = "Hosts that are reached besides the services of Kubernetes.",
        Columns =
        [
            new("Hosts", "string", ".spec.hosts", "The hosts."),
            new("Location", "string", ".spec.location", "Whether they are in the mesh."),
            new("Resolution", "string", ".spec.resolution", "How they are found."),
            Column.Age,
        ],
        Spec = Object(
            string.Empty,
            ("hosts!", List("The hosts.", Text(), least: 1, most: 256)),
            ("addresses", List("Addresses or ranges that are theirs.", Text(), most: 256)),
            ("ports", List("Their ports.", Object(
                "A port.",
                ("number!", Port("What clients ask for.")),
                ("name!", Text("Its name.")),
                ("protocol", Text("HTTP, HTTPS, GRPC, HTTP2, TLS, TCP and so on.")),
                ("targetPort", Port("What endpoints listen on, where it is another."))))),
            ("location", Text("Whether they are in the mesh.", "MESH_EXTERNAL", "MESH_INTERNAL")),
            ("resolution", Text("How they are found.", "NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS")),
            ("endpoints", List("Where they are.", Endpoint("One of them.", needsAddress: true))),
            ("workloadSelector", WorkloadSelector),
            ("exportTo", ExportTo),
            ("subjectAltNames", Texts("Names of which their certificates must have one."))),
    };

    public static Definition WorkloadEntry { get; } = IstioKinds.Networking("WorkloadEntry", "workloadentries", "we") with
    {
        Description = "A workload that is not a pod, such as a virtual machine.",
        Columns = [Column.Age, new("Address", "string", ".spec.address", "Where it is.")],
        Spec = Endpoint(string.Empty, needsAddress: true),
    };

    public static Definition WorkloadGroup { get; } = IstioKinds.Networking("WorkloadGroup", "workloadgroups", "wg") with
    {
        Description = "What workloads that register themselves have in common. None does here, so that it has no effect.",
        Columns = [Column.Age],
        Spec = Object(
            string.Empty,
            ("metadata", Object(
                "Of the entries.",
                ("labels", Map("Their labels.", Text())),
                ("annotations", Map("Their annotations.", Text())))),
            ("template!", Endpoint("What they say.", needsAddress: false)),
            ("probe", Open("How it is known that one is well."))),
    };

    public static Definition Sidecar { get; } = IstioKinds.Networking("Sidecar", "sidecars") with
    {
        Description = "Whose routes and policies the clients of a namespace find, and where connections of workloads may go.",
        Spec = Object(
            string.Empty,
            ("workloadSelector", WorkloadSelector),
            ("egress", List("What they find.", Object(
                "Some of it.",
                ("hosts!", List("A namespace, a slash and a host each, such as ./*.", Text(), least: 1)),
                ("port", ListenerPort(isWhole: false)),
                ("bind", Text(NoEffect)),
                ("captureMode", Text(NoEffect))))),
            ("ingress", List(NoEffect, Object(
                "A listener.",
                ("port!", ListenerPort(isWhole: false)),
                ("bind", Text(NoEffect)),
                ("captureMode", Text(NoEffect)),
                ("defaultEndpoint", Text(NoEffect)),
                ("connectionPool", IstioDestinations.ConnectionPool),
                ("tls", Open(NoEffect))))),
            ("inboundConnectionPool", IstioDestinations.ConnectionPool with { Description = NoEffect }),
            ("outboundTrafficPolicy", Open("Where connections of its workloads may go."))),
    };

    public static Definition Gateway { get; } = IstioKinds.Networking("Gateway", "gateways", "gw") with
    {
        Description = "What a gateway listens on. The mesh has none, so that it has no effect.",
        Columns = [Column.Age],
        Spec = Object(
            string.Empty,
            ("selector", Map("Labels of the gateway's pods.", Text())),
            ("servers!", List("What it listens on.", least: 1, item: Object(
                "A server.",
                ("port!", ListenerPort(isWhole: true)),
                ("hosts!", List("The hosts it is for.", Text(), least: 1)),
                ("name", Text("Its name.")),
                ("bind", Text("The address it listens on.")),
                ("defaultEndpoint", Text("Where it leads without a route.")),
                ("tls", Object(
                    "Its TLS.",
                    ("httpsRedirect", Flag("Whether it sends clients to HTTPS.")),
                    ("mode", Text(
                        "Which.", "PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL")),
                    ("credentialName", Text("The Secret with its certificate.")),
                    ("credentialNames", Texts("Secrets with its certificates.")),
                    ("serverCertificate", Text("A file: its certificate.")),
                    ("privateKey", Text("A file: its key.")),
                    ("caCertificates", Text("A file: who clients' certificates are from.")),
                    ("subjectAltNames", Texts("Names that clients may have.")),
                    ("minProtocolVersion", Text("The least version of TLS.")),
                    ("maxProtocolVersion", Text("The greatest version of TLS.")),
                    ("cipherSuites", Texts("The ciphers.")))))))),
    };
}
