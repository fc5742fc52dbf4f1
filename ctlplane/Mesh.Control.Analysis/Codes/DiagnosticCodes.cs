using Mesh.Control.Model.Diagnostics;
using static Mesh.Control.Model.Diagnostics.DiagnosticSeverity;

namespace Mesh.Control.Analysis;

/// <summary>
/// Every code a finding may have. Where Istio and Kiali have a code for one thing it is Istio's, and Kiali's is the alias. Those that have
/// no meaning here are in the page of codes, with the reason.
/// </summary>
public static class DiagnosticCodes
{
    public static readonly DiagnosticCode Internal = new(
        "IST0001", Error, "a rule of the analysis failed", "This is a defect of the analysis and not of the object: report it.");

    public static readonly DiagnosticCode Deprecated = new(
        "IST0002", Warning, "a deprecated field is used", "Use the field named in the message.");

    public static readonly DiagnosticCode ReferenceMissing = new(
        "IST0101", Error, "a referenced object is missing: a host, a gateway, a subset, a secret",
        "Create what is referenced, or correct the name.", Needs.Services, "KIA1101", "KIA1102", "KIA1107");

    public static readonly DiagnosticCode Invalid = new(
        "IST0106", Error, "the object, or its file, is not valid", "Correct the field; the last good version is in force until then.");

    public static readonly DiagnosticCode MisplacedAnnotation = new(
        "IST0107", Warning, "an annotation stands on a kind that it has no effect on", "Move it to the kind named in the message.");

    public static readonly DiagnosticCode UnknownAnnotation = new(
        "IST0108", Warning, "an annotation of Istio's that does not exist", "Check the spelling, or remove it.");

    public static readonly DiagnosticCode SharedHost = new(
        "IST0109", Warning, "several VirtualServices for the gateway `mesh` claim the same host",
        "Put the routes into one VirtualService, in the order they should hold.", Needs.Nothing, "KIA1106");

    public static readonly DiagnosticCode SidecarsOnWorkload = new(
        "IST0110", Error, "two Sidecars select one workload", "Make the selectors exclude each other.", Needs.Workloads, "KIA0003");

    public static readonly DiagnosticCode SidecarsOfNamespace = new(
        "IST0111", Error, "more than one Sidecar without selector in a namespace", "Keep one.", Needs.Nothing, "KIA0002");

    public static readonly DiagnosticCode PortUnchosen = new(
        "IST0112", Error, "a destination has several ports and none is chosen", "Give the destination a port.number.");

    public static readonly DiagnosticCode PortProtocolsDiffer = new(
        "IST0116", Warning, "a workload's port is served by several services with different protocols",
        "Declare the same protocol in all of them.");

    public static readonly DiagnosticCode PortNameForm = new(
        "IST0118", Note, "a port says no protocol that is known",
        "Name it `<protocol>` or `<protocol>-<suffix>`, or set appProtocol.", Needs.Nothing, "KIA0601");

    public static readonly DiagnosticCode LabelsContradict = new(
        "IST0123", Warning, "the labels of a namespace contradict each other", "Keep one of them.");

    public static readonly DiagnosticCode InvalidAnnotation = new(
        "IST0125", Warning, "an annotation has a value that it may not have", "Write a value named in the message.");

    public static readonly DiagnosticCode SelectsNothing = new(
        "IST0127", Warning, "a selector matches no workload", "Correct the labels, or deploy the workload.",
        Needs.Workloads, "KIA0004", "KIA0302");

    public static readonly DiagnosticCode TlsUnverified = new(
        "IST0128", Warning, "a DestinationRule originates TLS and names no CA",
        "Set caCertificates or credentialName, to say whom to trust.");

    public static readonly DiagnosticCode PortTlsUnverified = new(
        "IST0129", Warning, "a DestinationRule originates TLS for a port and names no CA",
        "Set caCertificates or credentialName, to say whom to trust.");

    public static readonly DiagnosticCode RuleUnreachable = new(
        "IST0130", Warning, "a rule of a VirtualService is never reached", "Move it before the rule named in the message, or remove it.");

    public static readonly DiagnosticCode MatchDuplicated = new(
        "IST0131", Note, "a match of a VirtualService stands in an earlier rule too", "Remove one of the two.");

    public static readonly DiagnosticCode HostNotInGateway = new(
        "IST0132", Warning, "a host of a VirtualService is not among the hosts of its Gateway",
        "Add the host to a server of the Gateway, or correct it.");

    public static readonly DiagnosticCode ValidWithWarning = new(
        "IST0133", Warning, "the object is accepted, and something in it has no effect or not the one it says",
        "The message says what becomes of it.");

    public static readonly DiagnosticCode PortWithoutAddress = new(
        "IST0134", Warning, "a TCP port of a ServiceEntry without addresses",
        "Give the ServiceEntry addresses, or the port another protocol.");

    public static readonly DiagnosticCode PortsOfTarget = new(
        "IST0137", Warning, "two services lead to the same port of a workload from different ports", "Give both the same port.");

    public static readonly DiagnosticCode SharedCertificate = new(
        "IST0138", Warning, "several Gateways use the same certificate, and clients reuse connections between them",
        "Put the hosts into one Gateway, or use a certificate for each.");

    public static readonly DiagnosticCode SubsetsNotAtIngress = new(
        "IST0140", Warning, "subset routes that hold in the mesh and not for what comes in by a gateway",
        "Add the gateway to the VirtualService with the subsets.");

    public static readonly DiagnosticCode GatewaysConflict = new(
        "IST0145", Error, "two servers of Gateways take the same host and port of the same workloads", "Keep one of them.",
        Needs.Nothing, "KIA0301");

    public static readonly DiagnosticCode ClaimsUnverified = new(
        "IST0149", Error, "routes ask for claims of tokens that no RequestAuthentication verifies",
        "Add a RequestAuthentication for the gateway's workloads.");

    public static readonly DiagnosticCode ExternalNamePort = new(
        "IST0150", Warning, "a port of an ExternalName service says no protocol", "Name it `<protocol>` or `<protocol>-<suffix>`.");

    public static readonly DiagnosticCode TelemetryWithoutProvider = new(
        "IST0157", Warning, "a Telemetry without provider, and the mesh has no default one",
        "Name a provider, or set defaultProviders in the mesh's configuration.");

    public static readonly DiagnosticCode TelemetriesOnWorkload = new(
        "IST0159", Error, "two Telemetries select one workload", "Make the selectors exclude each other.", Needs.Workloads, "KIA0003");

    public static readonly DiagnosticCode TelemetriesOfNamespace = new(
        "IST0160", Error, "more than one Telemetry without selector in a namespace", "Keep one.", Needs.Nothing, "KIA0002");

    public static readonly DiagnosticCode CredentialInvalid = new(
        "IST0161", Error, "the secret of a Gateway is no certificate with its key", "Put tls.crt and tls.key, in PEM, into the secret.");

    public static readonly DiagnosticCode GatewayPortNotExposed = new(
        "IST0162", Warning, "no Service of a Gateway's workloads exposes its port", "Add the port to the Service.");

    public static readonly DiagnosticCode GeneratedGateway = new(
        "IST0165", Warning, "a VirtualService refers to a Gateway that was generated",
        "Attach an HTTPRoute to the Gateway of the Gateway API.");

    public static readonly DiagnosticCode SelectorOfKubernetesGateway = new(
        "IST0166", Warning, "a selector is used where a Gateway of the Gateway API runs", "Use targetRefs.");

    public static readonly DiagnosticCode NegativeCondition = new(
        "IST0171", Warning, "the status of an object has a condition that is not met", "The condition's own message says why.");

    public static readonly DiagnosticCode SubsetSelectsNothing = new(
        "IST0173", Error, "a subset of a DestinationRule selects no workload of its host", "Correct the labels of the subset.",
        Needs.Workloads, "KIA0203");

    public static readonly DiagnosticCode RuleHostMissing = new(
        "IST0174", Warning, "the host of a DestinationRule is no service", "Correct the host, or create the service.",
        Needs.Services, "KIA0202");

    public static readonly DiagnosticCode EntryProtocolsConflict = new(
        "IST0177", Warning, "ServiceEntries declare different protocols for one host and port", "Declare the same protocol in all of them.",
        Needs.Nothing, "KIA1212");

    public static readonly DiagnosticCode PoliciesOfNamespace = new(
        "KIA0002", Error, "more than one policy without selector in a namespace", "Keep one: only the oldest holds.");

    public static readonly DiagnosticCode PoliciesOnWorkload = new(
        "KIA0003", Error, "two policies select one workload", "Make the selectors exclude each other: only the oldest holds.",
        Needs.Workloads);

    public static readonly DiagnosticCode ExportedToNowhere = new(
        "KIA0005", Error, "exportTo names a namespace that does not exist", "Correct the name; `.` is the own namespace, `*` every one.",
        Needs.Namespaces);

    public static readonly DiagnosticCode SourceNamespaceMissing = new(
        "KIA0101", Warning, "an AuthorizationPolicy names a source namespace that does not exist", "Correct the name.", Needs.Namespaces);

    public static readonly DiagnosticCode MethodUnknown = new(
        "KIA0102", Warning, "an AuthorizationPolicy names a method that HTTP does not have",
        "Write it in capitals, as in GET; of gRPC, write the path.");

    public static readonly DiagnosticCode PolicyHostMissing = new(
        "KIA0104", Error, "an AuthorizationPolicy names a host that nothing serves", "Correct the host.", Needs.Services);

    public static readonly DiagnosticCode PrincipalMissing = new(
        "KIA0106", Error, "an AuthorizationPolicy names the identity of a service account that does not exist", "Correct the principal.",
        Needs.ServiceAccounts);

    public static readonly DiagnosticCode TrustDomainForeign = new(
        "KIA0108", Warning, "an AuthorizationPolicy names an identity of another trust domain",
        "Write the trust domain of this mesh, unless clients of another are meant.");

    public static readonly DiagnosticCode SubsetTwice = new(
        "KIA0201", Warning, "several DestinationRules have the same subset of one host", "Keep one of them.");

    public static readonly DiagnosticCode SubsetWithoutLabels = new(
        "KIA0209", Warning, "a subset of a DestinationRule has no labels, and selects everything", "Give it labels.");

    public static readonly DiagnosticCode AppProtocolForm = new(
        "KIA0602", Error, "the appProtocol of a port is not known", "Write one such as http, http2, grpc, https, tls, tcp.");

    public static readonly DiagnosticCode TargetPortMissing = new(
        "KIA0701", Warning, "no workload of a service has the port that it leads to",
        "Correct targetPort, or declare the container's port.",
        Needs.Workloads);

    public static readonly DiagnosticCode EgressHostMissing = new(
        "KIA1004", Warning, "the egress of a Sidecar names a host that is no service", "Correct the host.", Needs.Services);

    public static readonly DiagnosticCode MeshSidecarWithSelector = new(
        "KIA1006", Warning, "a Sidecar of the root namespace has a selector",
        "Remove the selector, or move it to the workloads' namespace.");

    public static readonly DiagnosticCode OutboundModeAmbiguous = new(
        "KIA1007", Note, "a Sidecar has an outboundTrafficPolicy without mode", "Write REGISTRY_ONLY or ALLOW_ANY.");

    public static readonly DiagnosticCode WeightIgnored = new(
        "KIA1104", Warning, "the weight of a single destination is ignored", "Remove the weight, or add the other destinations.");

    public static readonly DiagnosticCode DestinationTwice = new(
        "KIA1105", Warning, "a route has the same host and subset twice", "Add up the weights in one destination.");

    public static readonly DiagnosticCode GatewayNameForm = new(
        "KIA1108", Note, "a gateway is named in an outdated form", "Write `<namespace>/<name>`.");

    public static readonly DiagnosticCode EntryHostTwice = new(
        "KIA1211", Warning, "several ServiceEntries have the same host and port", "Keep one of them.");

    public static readonly DiagnosticCode RouteGatewayMissing = new(
        "KIA1401", Error, "a route is attached to a Gateway that does not exist", "Correct the parentRef, or create the Gateway.",
        Needs.Services);

    public static readonly DiagnosticCode BackendMissing = new(
        "KIA1402", Error, "a route sends to a service that does not exist",
        "Correct the backendRef, or create the Service.", Needs.Services);

    public static readonly DiagnosticCode ListenersClash = new(
        "KIA1501", Warning, "two Gateways have the same listener at the same address", "Give them different ports, hosts or addresses.");

    public static readonly DiagnosticCode AddressesClash = new(
        "KIA1502", Warning, "two Gateways have the same address", "Give each an address of its own.");

    public static readonly DiagnosticCode ListenerTwice = new(
        "KIA1503", Error, "two listeners of a Gateway have the same port, protocol and host", "Keep one of them.");

    public static readonly DiagnosticCode ClassUnknown = new(
        "KIA1504", Error, "the class of a Gateway does not exist", "Correct gatewayClassName.", Needs.GatewayClasses);

    public static readonly DiagnosticCode GrantNamespaceMissing = new(
        "KIA1601", Error, "a ReferenceGrant is for a namespace that does not exist", "Correct the name.", Needs.Namespaces);

    public static readonly DiagnosticCode GroupAccountMissing = new(
        "KIA1701", Warning, "the service account of a WorkloadGroup does not exist", "Create the service account, or correct the name.",
        Needs.ServiceAccounts);

    public static readonly DiagnosticCode GroupLabelsTwice = new(
        "KIA1702", Warning, "two WorkloadGroups of a namespace have the same labels", "Give each a label of its own.");

    /// <summary>All of them, by their names.</summary>
    public static IReadOnlyList<DiagnosticCode> All { get; } =
    [
        Internal, Deprecated, ReferenceMissing, Invalid, MisplacedAnnotation, UnknownAnnotation, SharedHost, SidecarsOnWorkload,
        SidecarsOfNamespace, PortUnchosen, PortProtocolsDiffer, PortNameForm, LabelsContradict, InvalidAnnotation, SelectsNothing,
        TlsUnverified, PortTlsUnverified, RuleUnreachable, MatchDuplicated, HostNotInGateway, ValidWithWarning, PortWithoutAddress,
        PortsOfTarget, SharedCertificate, SubsetsNotAtIngress, GatewaysConflict, ClaimsUnverified, ExternalNamePort,
        TelemetryWithoutProvider, TelemetriesOnWorkload, TelemetriesOfNamespace, CredentialInvalid, GatewayPortNotExposed,
        GeneratedGateway, SelectorOfKubernetesGateway, NegativeCondition, SubsetSelectsNothing, RuleHostMissing, EntryProtocolsConflict,
        PoliciesOfNamespace, PoliciesOnWorkload, ExportedToNowhere, SourceNamespaceMissing, MethodUnknown, PolicyHostMissing,
        PrincipalMissing, TrustDomainForeign, SubsetTwice, SubsetWithoutLabels, AppProtocolForm, TargetPortMissing, EgressHostMissing,
        MeshSidecarWithSelector, OutboundModeAmbiguous, WeightIgnored, DestinationTwice, GatewayNameForm, EntryHostTwice,
        RouteGatewayMissing, BackendMissing, ListenersClash, AddressesClash, ListenerTwice, ClassUnknown, GrantNamespaceMissing,
        GroupAccountMissing, GroupLabelsTwice,
    ];

    private static readonly Dictionary<string, DiagnosticCode> s_byCode =
        All.ToDictionary(code => code.Code, StringComparer.Ordinal);

    /// <summary>What reading and translating said, under a code where it has none. Notes stay without.</summary>
    public static Diagnostic Coded(Diagnostic diagnostic) => (diagnostic.Code, diagnostic.Severity) switch
    {
        ("", Error) => diagnostic with { Code = Invalid.Code },
        ("", Warning) => diagnostic with { Code = ValidWithWarning.Code },
        _ => diagnostic,
    };

    /// <summary>Whether it says that an object, as it is written, is refused.</summary>
    public static bool IsRefusal(Diagnostic diagnostic) =>
        diagnostic.Severity == DiagnosticSeverity.Error && diagnostic.Code == Invalid.Code;

    /// <summary>Null for what is no code.</summary>
    public static DiagnosticCode? Find(string code) => s_byCode.GetValueOrDefault(code);
}
