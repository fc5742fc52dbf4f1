using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads WorkloadEntry and ServiceEntry (networking.istio.io): what is reachable besides pods and Kubernetes services.</summary>
internal static class EntryReader
{
    private const int PortMax = 65_535;
    private const int HostCountMax = 256;
    private const int AddressCountMax = 256;
    private const int EndpointCountMax = 4_096;
    private const string DefaultServiceAccount = "default";

    private static readonly string[] s_endpointFields = ["address", "labels", "locality", "network", "ports", "serviceAccount", "weight"];

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

        return ReadEndpoint(source, spec, root.Section("metadata")?.TextMap("labels") ?? Labels.Empty);
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
        ImmutableArray<WorkloadEntrySpec> endpoints = ReadEndpoints(source, spec, ports, resolution, selector);
        return new ServiceEntrySpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            Hosts = ReadHosts(spec),
            Addresses = ReadAddresses(spec),
            Ports = ports,
            Resolution = resolution,
            Endpoints = endpoints,
            Selector = selector,
            SubjectAltNames = [.. spec.Texts("subjectAltNames").Select(item => item.Text)],
            IsNamespaceLocal = ReadVisibility(spec),
            Allocation = AllocationRequest.Read(root),
        };
    }

    private static WorkloadEntrySpec? ReadEndpoint(RawObject source, FieldReader fields, Labels outerLabels)
    {
        fields.WarnUnknown(s_endpointFields);
        string? text = fields.RequiredText("address");
        if (text is null)
        {
            return null;
        }

        if (!AddressText.TryParse(text, out IPAddress? address))
        {
            fields.Error("address", $"'{text}' is not an IP address.", "Host names and sockets are not supported as endpoints.");
            return null;
        }

        string serviceAccount = fields.Text("serviceAccount") ?? DefaultServiceAccount;
        if (!ManifestNames.IsSubdomain(serviceAccount))
        {
            fields.Error("serviceAccount", $"'{serviceAccount}' is not the name of a service account.");
        }

        return new WorkloadEntrySpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            Address = address,
            Ports = ReadEndpointPorts(fields),
            Labels = Merge(outerLabels, fields.TextMap("labels")),
            Network = fields.Text("network"),
            Locality = ReadLocality(fields),
            Weight = fields.Integer("weight", 0, int.MaxValue) is { } weight and > 0 ? weight : null,
            ServiceAccount = serviceAccount,
        };
    }

    private static Labels Merge(Labels outer, Labels inner)
    {
        if (outer.Count == 0 || inner.Count == 0)
        {
            return outer.Count == 0 ? inner : outer;
        }

        var merged = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (KeyValuePair<string, string> label in outer.Entries)
        {
            merged[label.Key] = label.Value;
        }

        foreach (KeyValuePair<string, string> label in inner.Entries)
        {
            merged[label.Key] = label.Value;
        }

        return Labels.Of(merged);
    }

    private static ImmutableArray<NamedPort> ReadEndpointPorts(FieldReader fields)
    {
        if (fields.Section("ports") is not { } ports)
        {
            return [];
        }

        ImmutableArray<NamedPort>.Builder read = ImmutableArray.CreateBuilder<NamedPort>(ports.Entries.Count);
        foreach (RawEntry entry in ports.Entries)
        {
            if (ports.Integer(entry.Key, 1, PortMax) is { } number)
            {
                read.Add(new NamedPort(entry.Key, number));
            }
        }

        return read.ToImmutable();
    }

    private static Locality ReadLocality(FieldReader fields)
    {
        if (fields.Text("locality") is not { Length: > 0 } text)
        {
            return Locality.Unknown;
        }

        string[] parts = text.Split('/');
        if (parts.Length > 3)
        {
            fields.Error("locality", $"'{text}' has more than three parts.", "Write region/zone/subzone.");
            return Locality.Unknown;
        }

        return new Locality(parts[0], parts.Length > 1 ? parts[1] : string.Empty, parts.Length > 2 ? parts[2] : string.Empty);
    }

    private static EndpointResolution ReadResolution(FieldReader spec)
    {
        switch (spec.Text("resolution"))
        {
            case null or "NONE":
                return EndpointResolution.None;
            case "STATIC":
                return EndpointResolution.Static;
            case "DNS" or "DNS_ROUND_ROBIN" or "DYNAMIC_DNS":
                spec.Error("resolution", "Endpoints that are looked up in DNS are not supported.", "Use STATIC with endpoints, or NONE.");
                return EndpointResolution.None;
            case { } other:
                spec.Error("resolution", $"'{other}' is not a resolution.", "Write STATIC or NONE.");
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

    private static ImmutableArray<WorkloadEntrySpec> ReadEndpoints(
        RawObject source,
        FieldReader spec,
        ImmutableArray<ServiceEntryPort> ports,
        EndpointResolution resolution,
        Labels? selector)
    {
        List<FieldReader> items = spec.Sections("endpoints");
        if (items.Count == 0)
        {
            if (resolution == EndpointResolution.Static && selector is null)
            {
                spec.Warning(
                    "endpoints",
                    "Nothing is listed and nothing selected, so this leads nowhere.",
                    "List endpoints or add a workloadSelector.");
            }

            return [];
        }

        if (items.Count > EndpointCountMax)
        {
            spec.Error("endpoints", $"{items.Count} endpoints; {EndpointCountMax} are allowed.");
            return [];
        }

        if (resolution == EndpointResolution.None)
        {
            spec.Error(
                "endpoints", "With resolution NONE connections go where the client sends them; endpoints have no meaning.", "Use STATIC.");
        }

        if (selector is not null)
        {
            spec.Error("endpoints", "Endpoints are listed or selected, not both.");
        }

        ImmutableArray<WorkloadEntrySpec>.Builder endpoints = ImmutableArray.CreateBuilder<WorkloadEntrySpec>(items.Count);
        var addresses = new HashSet<IPAddress>();
        HashSet<string> portNames = [.. ports.Select(port => port.Name)];
        foreach (FieldReader item in items)
        {
            if (ReadEndpoint(source, item, Labels.Empty) is not { } endpoint)
            {
                continue;
            }

            if (!addresses.Add(endpoint.Address))
            {
                item.Error("address", $"{endpoint.Address} is listed twice.");
                continue;
            }

            foreach (NamedPort port in endpoint.Ports)
            {
                if (!portNames.Contains(port.Name))
                {
                    item.Error("ports", $"The entry has no port named {port.Name}.");
                }
            }

            endpoints.Add(endpoint);
        }

        return endpoints.ToImmutable();
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
