using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Mesh.Node.Capture.Rules;

namespace Mesh.Node.Capture.Pods;

/// <summary>Makes the plan of a pod's namespace from the node's options and the pod's annotations. Pure; immutable.</summary>
public sealed class CapturePlanner
{
    private const int PortsMax = 64;
    private const int NetworksMax = 64;

    private readonly CapturePlan _base;

    /// <exception cref="CaptureException">Options are wrong; the message names each.</exception>
    public CapturePlanner(CaptureOptions options)
    {
        List<string> errors = [];
        _base = new CapturePlan
        {
            Mode = options.Mode,
            CapturesDns = options.Dns,
            ExcludedInboundPorts = ReadPorts(options.ExcludedInboundPorts.Select(Text), "capture.excludedInboundPorts", errors),
            ExcludedOutboundPorts = ReadPorts(options.ExcludedOutboundPorts.Select(Text), "capture.excludedOutboundPorts", errors),
            ExcludedInboundNetworks = ReadNetworks(options.ExcludedInboundCidrs, "capture.excludedInboundCidrs", errors),
            ExcludedOutboundNetworks = ReadNetworks(options.ExcludedOutboundCidrs, "capture.excludedOutboundCidrs", errors),
        };
        if (options.VerifyIntervalSeconds is < 1 or > 3600)
        {
            errors.Add("capture.verifyIntervalSeconds: must be 1 to 3600");
        }

        if (options.DrainSeconds is < 0 or > 300)
        {
            errors.Add("capture.drainSeconds: must be 0 to 300");
        }

        if (!Enum.IsDefined(options.Mode) || !Enum.IsDefined(options.Backend))
        {
            errors.Add("capture.mode or capture.backend: unknown");
        }

        if (errors.Count > 0)
        {
            throw new CaptureException(string.Join("; ", errors));
        }
    }

    /// <summary>The plan of one pod.</summary>
    /// <param name="annotations">All its annotations.</param>
    /// <param name="errors">
    /// What is wrong with them. A wrong entry excludes nothing: the pod is captured more than it asked for, never less.
    /// </param>
    public CapturePlan Plan(IReadOnlyDictionary<string, string> annotations, out IReadOnlyList<string> errors)
    {
        List<string> found = [];
        CapturePlan plan = _base with
        {
            Mode = ReadMode(annotations, found),
            BypassInbound = ReadFlag(annotations, CaptureAnnotations.BypassInbound, false, found),
            CapturesDns = ReadFlag(annotations, CaptureAnnotations.CaptureDns, _base.CapturesDns, found),
            ExcludedInboundPorts = AddPorts(
                _base.ExcludedInboundPorts,
                annotations,
                found,
                CaptureAnnotations.ExcludeInboundPorts,
                CaptureAnnotations.SidecarExcludeInboundPorts),
            ExcludedOutboundPorts = AddPorts(
                _base.ExcludedOutboundPorts,
                annotations,
                found,
                CaptureAnnotations.ExcludeOutboundPorts,
                CaptureAnnotations.SidecarExcludeOutboundPorts),
            ExcludedInboundNetworks = AddNetworks(
                _base.ExcludedInboundNetworks, annotations, found, CaptureAnnotations.ExcludeInboundCidrs),
            ExcludedOutboundNetworks = AddNetworks(
                _base.ExcludedOutboundNetworks,
                annotations,
                found,
                CaptureAnnotations.ExcludeOutboundCidrs,
                CaptureAnnotations.SidecarExcludeOutboundCidrs),
        };
        errors = found;
        return plan;
    }

    private CaptureMode ReadMode(IReadOnlyDictionary<string, string> annotations, List<string> errors)
    {
        switch (annotations.GetValueOrDefault(CaptureAnnotations.Mode))
        {
            case null:
                return _base.Mode;
            case "tproxy":
                return CaptureMode.Tproxy;
            case "redirect":
                return CaptureMode.Redirect;
            default:
                errors.Add($"{CaptureAnnotations.Mode}: must be tproxy or redirect");
                return _base.Mode;
        }
    }

    private static bool ReadFlag(IReadOnlyDictionary<string, string> annotations, string name, bool otherwise, List<string> errors)
    {
        switch (annotations.GetValueOrDefault(name))
        {
            case null:
                return otherwise;
            case "true":
                return true;
            case "false":
                return false;
            default:
                errors.Add($"{name}: must be true or false");
                return otherwise;
        }
    }

    private static ImmutableArray<ushort> AddPorts(
        ImmutableArray<ushort> ports,
        IReadOnlyDictionary<string, string> annotations,
        List<string> errors,
        params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            ports = Merge(ports, ReadPorts(Entries(annotations, name), name, errors), PortsMax, name, errors);
        }

        return ports;
    }

    private static ImmutableArray<IPNetwork> AddNetworks(
        ImmutableArray<IPNetwork> networks,
        IReadOnlyDictionary<string, string> annotations,
        List<string> errors,
        params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            networks = Merge(networks, ReadNetworks(Entries(annotations, name), name, errors), NetworksMax, name, errors);
        }

        return networks;
    }

    private static ImmutableArray<T> Merge<T>(ImmutableArray<T> all, ImmutableArray<T> more, int max, string field, List<string> errors)
    {
        ImmutableArray<T> merged = [.. all.Union(more)];
        if (merged.Length <= max)
        {
            return merged;
        }

        errors.Add($"{field}: with the node's own there are more than {max}");
        return all;
    }

    private static string[] Entries(IReadOnlyDictionary<string, string> annotations, string name) =>
        annotations.TryGetValue(name, out string? list)
            ? list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            : [];

    private static ImmutableArray<ushort> ReadPorts(IEnumerable<string> entries, string field, List<string> errors)
    {
        SortedSet<ushort> ports = [];
        foreach (string entry in entries)
        {
            if (!ushort.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0)
            {
                errors.Add($"{field}: '{entry}' is not a port, 1 to 65535");
            }
            else if (port is CapturePorts.Outbound or CapturePorts.InboundPlaintext)
            {
                errors.Add($"{field}: {port} is the mesh's own");
            }
            else
            {
                ports.Add(port);
            }
        }

        return Limit<ushort>([.. ports], PortsMax, field, errors);
    }

    private static ImmutableArray<IPNetwork> ReadNetworks(IEnumerable<string> entries, string field, List<string> errors)
    {
        List<IPNetwork> networks = [];
        foreach (string entry in entries)
        {
            if (!TryReadNetwork(entry, out IPNetwork network))
            {
                errors.Add($"{field}: '{entry}' is not an address or CIDR without host bits");
            }
            else if (network.PrefixLength == 0)
            {
                errors.Add($"{field}: '{entry}' is everything; a pod that is not to be captured is not to be enrolled");
            }
            else
            {
                networks.Add(network);
            }
        }

        ImmutableArray<IPNetwork> ordered = [.. networks.Distinct().OrderBy(network => network.ToString(), StringComparer.Ordinal)];
        return Limit(ordered, NetworksMax, field, errors);
    }

    private static bool TryReadNetwork(string entry, out IPNetwork network)
    {
        string cidr = entry.Contains('/', StringComparison.Ordinal) ? entry
            : entry.Contains(':', StringComparison.Ordinal) ? $"{entry}/128"
            : $"{entry}/32";

        // A scope names an interface of the machine that reads it, and a mapped address is one of the other family.
        return IPNetwork.TryParse(cidr, out network)
            && !entry.Contains('%', StringComparison.Ordinal)
            && !network.BaseAddress.IsIPv4MappedToIPv6
            && IPAddress.TryParse(cidr.AsSpan(0, cidr.IndexOf('/', StringComparison.Ordinal)), out IPAddress? address)
            && address.Equals(network.BaseAddress);
    }

    private static ImmutableArray<T> Limit<T>(ImmutableArray<T> items, int max, string field, List<string> errors)
    {
        if (items.Length <= max)
        {
            return items;
        }

        errors.Add($"{field}: there are more than {max}");
        return [];
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
