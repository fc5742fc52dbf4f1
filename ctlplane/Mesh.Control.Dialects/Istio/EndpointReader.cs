using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads what is reached of an entry: a WorkloadEntry, or an endpoint written inside a ServiceEntry (reference B.5).</summary>
internal static class EndpointReader
{
    private const int PortMax = 65_535;
    private const int EndpointCountMax = 4_096;
    private const string DefaultServiceAccount = "default";

    private static readonly string[] s_fields = ["address", "labels", "locality", "network", "ports", "serviceAccount", "weight"];

    /// <summary>Reads an endpoint; null, and reported, where it has no address.</summary>
    /// <param name="source">The object it stands in.</param>
    /// <param name="fields">Its own.</param>
    /// <param name="outerLabels">Those of the object, where it is one of its own.</param>
    public static WorkloadEntrySpec? Read(RawObject source, FieldReader fields, Labels outerLabels)
    {
        fields.WarnUnknown(s_fields);
        string? text = fields.RequiredText("address");
        if (text is null)
        {
            return null;
        }

        string? hostname = null;
        if (!AddressText.TryParse(text, out IPAddress? address))
        {
            hostname = text.ToLowerInvariant();
            if (!ManifestNames.IsSubdomain(hostname) || IPAddress.TryParse(text, out _))
            {
                fields.Error(
                    "address", $"'{text}' is neither an IP address nor a host name.", "Unix sockets are not supported as endpoints.");
                return null;
            }
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
            Hostname = hostname,
            Ports = ReadPorts(fields),
            Labels = Merge(outerLabels, fields.TextMap("labels")),
            Network = fields.Text("network"),
            Locality = ReadLocality(fields),
            Weight = fields.Integer("weight", 0, int.MaxValue) is { } weight and > 0 ? weight : null,
            ServiceAccount = serviceAccount,
        };
    }

    /// <summary>Reads the endpoints of a ServiceEntry.</summary>
    /// <param name="source">The entry.</param>
    /// <param name="spec">Its fields.</param>
    /// <param name="ports">Its ports.</param>
    /// <param name="resolution">How it finds them.</param>
    /// <param name="selector">Whom it selects besides; null for nobody.</param>
    public static ImmutableArray<WorkloadEntrySpec> ReadAll(
        RawObject source,
        FieldReader spec,
        ImmutableArray<ServiceEntryPort> ports,
        EndpointResolution resolution,
        Labels? selector)
    {
        List<FieldReader> items = spec.Sections("endpoints");
        if (!Check(spec, items.Count, resolution, selector))
        {
            return [];
        }

        ImmutableArray<WorkloadEntrySpec>.Builder endpoints = ImmutableArray.CreateBuilder<WorkloadEntrySpec>(items.Count);
        var addresses = new HashSet<string>(StringComparer.Ordinal);
        HashSet<string> portNames = [.. ports.Select(port => port.Name)];
        foreach (FieldReader item in items)
        {
            if (Read(source, item, Labels.Empty) is not { } endpoint)
            {
                continue;
            }

            if (!addresses.Add(endpoint.Place))
            {
                item.Error("address", $"{endpoint.Place} is listed twice.");
                continue;
            }

            if (endpoint.Hostname is not null && resolution == EndpointResolution.Static)
            {
                item.Error(
                    "address",
                    $"'{endpoint.Hostname}' is a host name, which resolution STATIC does not look up.",
                    "Write an address, or resolution DNS.");
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

    /// <returns>Whether there is anything to read.</returns>
    private static bool Check(FieldReader spec, int count, EndpointResolution resolution, Labels? selector)
    {
        if (count == 0)
        {
            if (resolution == EndpointResolution.Static && selector is null)
            {
                spec.Warning(
                    "endpoints",
                    "Nothing is listed and nothing selected, so this leads nowhere.",
                    "List endpoints or add a workloadSelector.");
            }

            return false;
        }

        if (count > EndpointCountMax)
        {
            spec.Error("endpoints", $"{count} endpoints; {EndpointCountMax} are allowed.");
            return false;
        }

        if (resolution == EndpointResolution.None)
        {
            spec.Error(
                "endpoints", "With resolution NONE connections go where the client sends them; endpoints have no meaning.", "Use STATIC.");
        }

        if (resolution == EndpointResolution.DnsRoundRobin && count > 1)
        {
            spec.Error("endpoints", $"{count} endpoints; with resolution DNS_ROUND_ROBIN there is one at most.", "Use DNS.");
        }

        if (selector is not null)
        {
            spec.Error("endpoints", "Endpoints are listed or selected, not both.");
        }

        return true;
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

    private static ImmutableArray<NamedPort> ReadPorts(FieldReader fields)
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
}
