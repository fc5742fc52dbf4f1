using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Kubernetes;

/// <summary>
/// Reads the core kinds of Kubernetes. Pods and nodes carry a hundred fields this mesh has no use for, so only what is read is checked;
/// of the small kinds, unknown fields are reported.
/// </summary>
internal static class CoreReader
{
    private const int PortMax = 65_535;
    private const int AddressesMax = 16;

    private static readonly string[] s_serviceFields =
    [
        "allocateLoadBalancerNodePorts", "clusterIP", "clusterIPs", "externalIPs", "externalName", "externalTrafficPolicy",
        "healthCheckNodePort", "internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy", "loadBalancerClass", "loadBalancerIP",
        "loadBalancerSourceRanges", "ports", "publishNotReadyAddresses", "selector", "sessionAffinity", "sessionAffinityConfig",
        "trafficDistribution", "type",
    ];

    private static readonly string[] s_servicePortFields = ["appProtocol", "name", "nodePort", "port", "protocol", "targetPort"];

    public static NamespaceSpec ReadNamespace(RawObject source, ObjectDiagnostics diagnostics) =>
        new(source.Key.Name, Metadata(source, diagnostics).TextMap("labels"));

    public static ServiceAccountSpec ReadServiceAccount(RawObject source) => new(source.Key.Namespace, source.Key.Name);

    public static NodeSpec ReadNode(RawObject source, ObjectDiagnostics diagnostics)
    {
        Labels labels = Metadata(source, diagnostics).TextMap("labels");
        return new NodeSpec(source.Key.Name, new Locality(
            labels.Find("topology.kubernetes.io/region") ?? string.Empty,
            labels.Find("topology.kubernetes.io/zone") ?? string.Empty,
            labels.Find("topology.istio.io/subzone") ?? string.Empty), ReadNodeAddresses(source, diagnostics));
    }

    public static PodSpec ReadPod(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        FieldReader metadata = Metadata(source, diagnostics);
        FieldReader? spec = root.Section("spec");
        FieldReader? status = root.Section("status");
        string serviceAccount = spec?.Text("serviceAccountName") ?? spec?.Text("serviceAccount") ?? "default";
        if (!ManifestNames.IsSubdomain(serviceAccount))
        {
            spec?.Error("serviceAccountName", $"'{serviceAccount}' is not the name of a service account.");
        }

        string phase = status?.Text("phase") ?? string.Empty;
        return new PodSpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            Labels = metadata.TextMap("labels"),
            Annotations = metadata.TextMap("annotations"),
            ServiceAccount = serviceAccount,
            Node = spec?.Text("nodeName") ?? string.Empty,
            IsHostNetwork = spec?.Flag("hostNetwork") ?? false,
            Addresses = ReadPodAddresses(status),
            IsFinished = phase is "Succeeded" or "Failed",
            IsReady = !metadata.Has("deletionTimestamp") && ReadReadiness(status, phase),
            Controller = ReadController(metadata),
            NamedPorts = ReadNamedPorts(spec),
        };
    }

    public static ServiceSpec? ReadService(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        FieldReader metadata = Metadata(source, diagnostics);
        if (!ManifestNames.IsLabel(source.Key.Name))
        {
            metadata.Error(
                "name",
                $"'{source.Key.Name}' is not the name of a service: a DNS label of {ManifestNames.LabelCharsMax} characters at most.");
        }

        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "A service needs a spec.");
            return null;
        }

        spec.WarnUnknown(s_serviceFields);
        if (spec.Text("type") == "ExternalName")
        {
            spec.Warning("type", "ExternalName services are left to DNS; this mesh does not route them.");
            return null;
        }

        if (spec.Text("sessionAffinity") is { } affinity && affinity != "None")
        {
            spec.Warning("sessionAffinity", "Clients are not kept on one endpoint; each connection is balanced by itself.");
        }

        if (spec.Has("externalIPs"))
        {
            spec.Warning("externalIPs", "Only cluster addresses are routed; what is sent to these passes the mesh by.");
        }

        (ImmutableArray<IPAddress> addresses, bool isHeadless) = ReadClusterAddresses(spec);
        (ImmutableArray<ServicePortSpec> ports, ImmutableArray<int> uncarried) = ReadServicePorts(spec);
        return new ServiceSpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            Selector = spec.Has("selector") && spec.TextMap("selector") is { Count: > 0 } selector ? selector : null,
            ClusterAddresses = addresses,
            Families = ReadFamilies(spec),
            Ports = ports,
            UncarriedPorts = uncarried,
            IsHeadless = isHeadless,
            Preference = ReadPreference(spec, metadata),
        };
    }

    private static FieldReader Metadata(RawObject source, ObjectDiagnostics diagnostics) =>
        new FieldReader(source.Fields, string.Empty, diagnostics).Section("metadata")
        ?? throw new InvalidOperationException("An object without metadata has no key and is never delivered.");

    /// <summary>Among a node's addresses are names, which are passed over.</summary>
    private static ImmutableArray<IPAddress> ReadNodeAddresses(RawObject source, ObjectDiagnostics diagnostics)
    {
        ImmutableArray<IPAddress>.Builder addresses = ImmutableArray.CreateBuilder<IPAddress>();
        FieldReader? status = new FieldReader(source.Fields, string.Empty, diagnostics).Section("status");
        foreach (FieldReader item in status?.Sections("addresses") ?? [])
        {
            if (AddressText.TryParse(item.Text("address"), out IPAddress? address))
            {
                addresses.Add(address);
            }
        }

        return addresses.ToImmutable();
    }

    private static ImmutableArray<IPAddress> ReadPodAddresses(FieldReader? status)
    {
        if (status is null)
        {
            return [];
        }

        var texts = new List<TextItem>();
        foreach (FieldReader item in status.Sections("podIPs"))
        {
            if (item.Text("ip") is { } ip)
            {
                texts.Add(new TextItem(ip, item.PathOf("ip"), item.PositionOf("ip")));
            }
        }

        if (texts.Count == 0 && status.Text("podIP") is { Length: > 0 } single)
        {
            texts.Add(new TextItem(single, status.PathOf("podIP"), status.PositionOf("podIP")));
        }

        return ReadAddresses(texts, status.Diagnostics);
    }

    private static ImmutableArray<IPAddress> ReadAddresses(List<TextItem> texts, ObjectDiagnostics diagnostics)
    {
        ImmutableArray<IPAddress>.Builder addresses = ImmutableArray.CreateBuilder<IPAddress>(texts.Count);
        foreach (TextItem item in texts)
        {
            if (!AddressText.TryParse(item.Text, out IPAddress? address))
            {
                diagnostics.Error(item.Path, item.Position, $"'{item.Text}' is not an IP address.");
            }
            else if (addresses.Count >= AddressesMax)
            {
                diagnostics.Error(item.Path, item.Position, $"More than {AddressesMax} addresses.");
                break;
            }
            else if (!addresses.Contains(address))
            {
                addresses.Add(address);
            }
        }

        return addresses.ToImmutable();
    }

    /// <summary>A manifest without status describes a pod that is meant to work; one with status says whether it does.</summary>
    private static bool ReadReadiness(FieldReader? status, string phase)
    {
        if (status is null)
        {
            return true;
        }

        foreach (FieldReader condition in status.Sections("conditions"))
        {
            if (condition.Text("type") == "Ready")
            {
                return condition.Text("status") == "True";
            }
        }

        return phase is "Running" or "";
    }

    private static PodController? ReadController(FieldReader metadata)
    {
        foreach (FieldReader owner in metadata.Sections("ownerReferences"))
        {
            if (owner.Flag("controller") == true && owner.Text("kind") is { } kind && owner.Text("name") is { } name)
            {
                return new PodController(kind, name);
            }
        }

        return null;
    }

    private static ImmutableArray<ContainerPort> ReadNamedPorts(FieldReader? spec)
    {
        if (spec is null)
        {
            return [];
        }

        ImmutableArray<ContainerPort>.Builder ports = ImmutableArray.CreateBuilder<ContainerPort>();
        foreach (FieldReader container in spec.Sections("containers").Concat(spec.Sections("initContainers")))
        {
            foreach (FieldReader port in container.Sections("ports"))
            {
                if (port.Text("name") is { } name
                    && port.Text("protocol") is null or "TCP"
                    && port.Integer("containerPort", 1, PortMax) is { } number)
                {
                    ports.Add(new ContainerPort(name, number));
                }
            }
        }

        return ports.ToImmutable();
    }

    private static (ImmutableArray<IPAddress> Addresses, bool IsHeadless) ReadClusterAddresses(FieldReader spec)
    {
        List<TextItem> texts = spec.Texts("clusterIPs");
        if (texts.Count == 0 && spec.Text("clusterIP") is { Length: > 0 } single)
        {
            texts.Add(new TextItem(single, spec.PathOf("clusterIP"), spec.PositionOf("clusterIP")));
        }

        if (texts is [{ Text: "None" }])
        {
            return ([], true);
        }

        if (texts.Count == 0)
        {
            spec.Note("clusterIP", "No clusterIP has been given to this service, so it cannot be addressed yet.");
        }

        return (ReadAddresses(texts, spec.Diagnostics), false);
    }

    private static AddressFamilies ReadFamilies(FieldReader spec)
    {
        var families = new HashSet<string>(StringComparer.Ordinal);
        foreach (TextItem family in spec.Texts("ipFamilies"))
        {
            if (family.Text is "IPv4" or "IPv6")
            {
                families.Add(family.Text);
            }
            else
            {
                spec.Diagnostics.Error(family.Path, family.Position, $"'{family.Text}' is not an address family.", "Write IPv4 or IPv6.");
            }
        }

        return (families.Contains("IPv4"), families.Contains("IPv6")) switch
        {
            (true, true) => AddressFamilies.Dual,
            (true, false) => AddressFamilies.IPv4Only,
            (false, true) => AddressFamilies.IPv6Only,
            (false, false) => AddressFamilies.Automatic,
        };
    }

    private static (ImmutableArray<ServicePortSpec> Ports, ImmutableArray<int> Uncarried) ReadServicePorts(FieldReader spec)
    {
        ImmutableArray<ServicePortSpec>.Builder ports = ImmutableArray.CreateBuilder<ServicePortSpec>();
        ImmutableArray<int>.Builder uncarried = ImmutableArray.CreateBuilder<int>();
        var seen = new HashSet<int>();
        foreach (FieldReader item in spec.Sections("ports"))
        {
            item.WarnUnknown(s_servicePortFields);
            string protocol = item.Text("protocol") ?? "TCP";
            if (protocol is "UDP" or "SCTP")
            {
                item.Note("protocol", $"{protocol} is not carried by the mesh; this port is left alone.");
                uncarried.Add(item.Integer("port", 1, PortMax) ?? 0);
                continue;
            }

            if (protocol != "TCP")
            {
                item.Error("protocol", $"'{protocol}' is not a protocol.", "Write TCP, UDP or SCTP.");
                continue;
            }

            if (!item.Has("port"))
            {
                item.Error("port", "The field is required.");
                continue;
            }

            if (item.Integer("port", 1, PortMax) is not { } port)
            {
                continue;
            }

            if (!seen.Add(port))
            {
                item.Error("port", $"Port {port} is listed twice.");
                continue;
            }

            string name = item.Text("name") ?? string.Empty;
            (int number, string targetName) = ReadTargetPort(item, port);
            ports.Add(new ServicePortSpec(name, port, number, targetName, ProtocolNames.Of(item.Text("appProtocol"), name, port)));
        }

        return (ports.ToImmutable(), uncarried.ToImmutable());
    }

    private static (int Number, string Name) ReadTargetPort(FieldReader item, int port)
    {
        FieldReader fields = item;
        foreach (RawEntry entry in fields.Entries)
        {
            if (entry.Key != "targetPort" || entry.Value is RawScalar { Kind: ScalarKind.Null })
            {
                continue;
            }

            if (entry.Value is RawScalar { Kind: ScalarKind.Text } text && ManifestNames.IsPortName(text.Text))
            {
                return (0, text.Text);
            }

            return (item.Integer("targetPort", 1, PortMax) ?? port, string.Empty);
        }

        return (port, string.Empty);
    }

    /// <summary>
    /// The fields that say which endpoints a client prefers. internalTrafficPolicy binds, trafficDistribution only wishes.
    /// </summary>
    private static EndpointPreference ReadPreference(FieldReader spec, FieldReader metadata)
    {
        bool admitsUnhealthy = spec.Flag("publishNotReadyAddresses") ?? false;
        switch (spec.Text("internalTrafficPolicy"))
        {
            case null or "Cluster":
                break;
            case "Local":
                return new EndpointPreference([LocalityScope.Node], LocalityMode.Strict, admitsUnhealthy);
            case { } policy:
                spec.Error("internalTrafficPolicy", $"'{policy}' is not a traffic policy.", "Write Cluster or Local.");
                break;
        }

        string? annotation = metadata.TextMap("annotations").Find("networking.istio.io/traffic-distribution");
        string? distribution = spec.Text("trafficDistribution") ?? annotation;
        switch (distribution)
        {
            case null or "Any":
                return EndpointPreference.Default with { AdmitsUnhealthy = admitsUnhealthy };
            case "PreferClose" or "PreferSameZone":
                return new EndpointPreference(
                    [LocalityScope.Network, LocalityScope.Region, LocalityScope.Zone], LocalityMode.Failover, admitsUnhealthy);
            case "PreferSameNode":
                return new EndpointPreference(
                    [LocalityScope.Network, LocalityScope.Region, LocalityScope.Zone, LocalityScope.Subzone, LocalityScope.Node],
                    LocalityMode.Failover,
                    admitsUnhealthy);
            default:
                spec.Warning(
                    "trafficDistribution",
                    $"'{distribution}' is not a traffic distribution; every endpoint is treated alike.",
                    "Write PreferSameZone or PreferSameNode.");
                return EndpointPreference.Default with { AdmitsUnhealthy = admitsUnhealthy };
        }
    }
}
