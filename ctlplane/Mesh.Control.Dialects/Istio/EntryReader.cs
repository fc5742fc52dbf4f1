using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads WorkloadEntry and ServiceEntry (networking.istio.io): what is reachable besides pods and Kubernetes services (reference B.5).
/// </summary>
internal static class EntryReader
{
    private const int PortMax = 65_535;
    private const int HostCountMax = 256;
    private const int AddressCountMax = 256;

    private static readonly string[] s_serviceEntryFields =
    [
        "addresses", "endpoints", "exportTo", "hosts", "location", "ports", "resolution", "subjectAltNames", "workloadSelector",
    ];

    private static readonly string[] s_portFields = ["name", "number", "protocol", "targetPort"];
    private static readonly string[] s_selectorFields = ["labels"];

    public static WorkloadEntrySpec? ReadWorkloadEntry(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "A WorkloadEntry needs a spec.");
            return null;
        }

        return EndpointReader.Read(source, spec, root.Section("metadata")?.TextMap("labels") ?? Labels.Empty);
    }

    public static ServiceEntrySpec? ReadServiceEntry(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "A ServiceEntry needs a spec.");
            return null;
        }

        spec.WarnUnknown(s_serviceEntryFields);
        if (spec.Text("location") is { } location and not ("MESH_EXTERNAL" or "MESH_INTERNAL"))
        {
            spec.Error("location", $"'{location}' is not a location.", "Write MESH_EXTERNAL or MESH_INTERNAL.");
        }

        EndpointResolution resolution = ReadResolution(spec);
        ImmutableArray<ServiceEntryPort> ports = ReadPorts(spec);
        Labels? selector = ReadSelector(spec);
        ImmutableArray<WorkloadEntrySpec> endpoints = EndpointReader.ReadAll(source, spec, ports, resolution, selector);
        ImmutableArray<string> hosts = ReadHosts(spec);
        ImmutableArray<VirtualAddress> addresses = ReadAddresses(spec);
        Check(spec, hosts, addresses, ports, resolution, hasEndpoints: !endpoints.IsEmpty || selector is not null);
        return new ServiceEntrySpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            Hosts = hosts,
            Addresses = addresses,
            Ports = ports,
            Resolution = resolution,
            Endpoints = endpoints,
            Selector = selector,
            SubjectAltNames = [.. spec.Texts("subjectAltNames").Select(item => item.Text)],
            IsNamespaceLocal = ReadVisibility(spec),
            Allocation = AllocationRequest.Read(root),
        };
    }

    /// <summary>What fields must not say together.</summary>
    private static void Check(
        FieldReader spec,
        ImmutableArray<string> hosts,
        ImmutableArray<VirtualAddress> addresses,
        ImmutableArray<ServiceEntryPort> ports,
        EndpointResolution resolution,
        bool hasEndpoints)
    {
        bool isLookedUp = resolution is EndpointResolution.Dns or EndpointResolution.DnsRoundRobin;
        if (isLookedUp && !hasEndpoints && hosts.FirstOrDefault(host => host.StartsWith('*')) is { } wildcard)
        {
            spec.Error("hosts", $"'{wildcard}' is no name that could be looked up.", "List endpoints, or use resolution NONE.");
        }

        if (isLookedUp && addresses.Any(address => address.PrefixLength is not null))
        {
            spec.Error("addresses", "Ranges need resolution NONE or STATIC.");
        }

        // Who speaks neither HTTP nor TLS does not say whom it wants.
        ServiceEntryPort? silent = ports.FirstOrDefault(port => port.Protocol is ApplicationProtocol.Tcp or ApplicationProtocol.Unknown);
        if (silent is not null && hosts.Length > 1 && resolution != EndpointResolution.None)
        {
            spec.Error(
                "hosts",
                $"At port {silent.Port}, which is neither HTTP nor TLS, the {hosts.Length} hosts cannot be told apart.",
                "Write an entry for each host, with addresses of its own.");
        }

        if (ports.FirstOrDefault(port => port.Protocol == ApplicationProtocol.Tcp) is { } bare && addresses.IsEmpty)
        {
            spec.Warning(
                "addresses",
                $"Port {bare.Port} speaks TCP, so without addresses whatever is sent to this port of an unknown address is for "
                    + "this entry.",
                "Write addresses.",
                "IST0134");
        }
    }

    private static EndpointResolution ReadResolution(FieldReader spec)
    {
        switch (spec.Text("resolution"))
        {
            case null or "NONE":
                return EndpointResolution.None;
            case "STATIC":
                return EndpointResolution.Static;
            case "DNS":
                return EndpointResolution.Dns;
            case "DNS_ROUND_ROBIN":
                return EndpointResolution.DnsRoundRobin;
            case "DYNAMIC_DNS":
                spec.Error(
                    "resolution",
                    "Names that clients choose are not looked up for them.",
                    "Use NONE, which goes to the address that the client has found, or DNS for a name of yours.");
                return EndpointResolution.None;
            case { } other:
                spec.Error("resolution", $"'{other}' is not a resolution.", "Write NONE, STATIC, DNS or DNS_ROUND_ROBIN.");
                return EndpointResolution.None;
        }
    }

    private static ImmutableArray<ServiceEntryPort> ReadPorts(FieldReader spec)
    {
        ImmutableArray<ServiceEntryPort>.Builder ports = ImmutableArray.CreateBuilder<ServiceEntryPort>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var numbers = new HashSet<int>();
        foreach (FieldReader item in spec.Sections("ports"))
        {
            item.WarnUnknown(s_portFields);
            string? name = item.RequiredText("name");
            int? number = item.Integer("number", 1, PortMax);
            if (!item.Has("number"))
            {
                item.Error("number", "The field is required.");
            }

            if (name is null || number is null)
            {
                continue;
            }

            if (!names.Add(name) || !numbers.Add(number.Value))
            {
                item.Error("number", $"Port {name} ({number}) is listed twice.");
                continue;
            }

            string protocol = item.Text("protocol") ?? string.Empty;
            int targetPort = item.Integer("targetPort", 1, PortMax) ?? 0;
            ApplicationProtocol spoken = protocol.Length > 0
                ? ProtocolNames.OfName(protocol)
                : ProtocolNames.Of(appProtocol: null, name, number.Value);
            ports.Add(new ServiceEntryPort(name, number.Value, targetPort, spoken));
        }

        return ports.ToImmutable();
    }

    private static Labels? ReadSelector(FieldReader spec)
    {
        if (spec.Section("workloadSelector") is not { } selector)
        {
            return null;
        }

        selector.WarnUnknown(s_selectorFields);
        Labels labels = selector.TextMap("labels");
        if (labels.Count == 0)
        {
            selector.Error("labels", "A selector without labels selects nothing here.");
        }

        return labels;
    }

    private static ImmutableArray<string> ReadHosts(FieldReader spec)
    {
        List<TextItem> items = spec.Texts("hosts");
        if (items.Count is 0 or > HostCountMax)
        {
            spec.Error("hosts", $"{items.Count} hosts; between 1 and {HostCountMax} are needed.");
            return [];
        }

        ImmutableArray<string>.Builder hosts = ImmutableArray.CreateBuilder<string>(items.Count);
        foreach (TextItem item in items)
        {
            // Host names compare without regard to case; one spelling travels.
            string host = item.Text.ToLowerInvariant();
            string literal = host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host;
            if (!ManifestNames.IsSubdomain(literal))
            {
                spec.Diagnostics.Error(item.Path, item.Position, $"'{item.Text}' is not a host name.", "Write a name, or *. and a name.");
            }
            else if (hosts.Contains(host))
            {
                spec.Diagnostics.Error(item.Path, item.Position, $"'{item.Text}' is listed twice.");
            }
            else
            {
                hosts.Add(host);
            }
        }

        return hosts.ToImmutable();
    }

    private static ImmutableArray<VirtualAddress> ReadAddresses(FieldReader spec)
    {
        ImmutableArray<VirtualAddress>.Builder addresses = ImmutableArray.CreateBuilder<VirtualAddress>();
        List<TextItem> items = spec.Texts("addresses");
        if (items.Count > AddressCountMax)
        {
            spec.Error("addresses", $"{items.Count} addresses; {AddressCountMax} are allowed.");
            return [];
        }

        foreach (TextItem item in items)
        {
            if (!AddressText.TryParseRange(item.Text, out IPNetwork range))
            {
                spec.Diagnostics.Error(item.Path, item.Position, $"'{item.Text}' is neither an IP address nor a range such as 10.0.0.0/8.");
                continue;
            }

            bool isRange = item.Text.Contains('/', StringComparison.Ordinal);
            addresses.Add(new VirtualAddress(range.BaseAddress, isRange ? range.PrefixLength : null));
        }

        return addresses.ToImmutable();
    }

    /// <returns>Whether only the entry's own namespace may see it.</returns>
    private static bool ReadVisibility(FieldReader spec)
    {
        List<TextItem> targets = spec.Texts("exportTo");
        if (targets.Count == 0 || targets is [{ Text: "*" }])
        {
            return false;
        }

        if (targets is not [{ Text: "." }])
        {
            spec.Warning(
                "exportTo",
                string.Create(CultureInfo.InvariantCulture, $"Only '.' and '*' are supported; the entry is kept to its own namespace."));
        }

        return true;
    }
}
