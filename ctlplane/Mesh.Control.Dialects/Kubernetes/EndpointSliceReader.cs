using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Kubernetes;

/// <summary>Part of the endpoints of a service, as written, by the cluster or by hand.</summary>
/// <param name="Source">Where it is written.</param>
/// <param name="Service">The service of the same namespace.</param>
/// <param name="Ports">Of each endpoint.</param>
/// <param name="Endpoints">In the order written.</param>
internal sealed record EndpointSliceSpec(
    RawObject Source, string Service, ImmutableArray<SlicePort> Ports, ImmutableArray<SliceEndpoint> Endpoints);

/// <param name="Name">The service's port of this name; empty where there is only one.</param>
/// <param name="Port">1 to 65535, or 0 where the slice leaves it to the service.</param>
internal readonly record struct SlicePort(string Name, int Port);

/// <param name="Address">Of several the first: nothing says what the others are.</param>
/// <param name="Pod">A pod of the same namespace, or null.</param>
/// <param name="IsReady">Takes new work.</param>
/// <param name="Node">Empty when not said.</param>
/// <param name="Zone">Empty when not said.</param>
internal sealed record SliceEndpoint(IPAddress Address, string? Pod, bool IsReady, string Node, string Zone);

/// <summary>Reads EndpointSlices. One without the label that names a service is nobody's and means nothing.</summary>
internal static class EndpointSliceReader
{
    private const string ServiceLabel = "kubernetes.io/service-name";
    private const int PortMax = 65_535;

    public static EndpointSliceSpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("metadata")?.TextMap("labels").Find(ServiceLabel) is not { } service)
        {
            return null;
        }

        switch (root.Text("addressType"))
        {
            case "IPv4" or "IPv6":
                return new EndpointSliceSpec(source, service, ReadPorts(root), ReadEndpoints(root, source.Key.Namespace));
            case "FQDN":
                root.Warning("addressType", "Endpoints that are names are not resolved; these are left out.");
                return new EndpointSliceSpec(source, service, [], []);
            case { } type:
                root.Error("addressType", $"'{type}' is not a type of address.", "Write IPv4 or IPv6.");
                return null;
            case null:
                root.Error("addressType", "The field is required.", "Write IPv4 or IPv6.");
                return null;
        }
    }

    private static ImmutableArray<SlicePort> ReadPorts(FieldReader root)
    {
        ImmutableArray<SlicePort>.Builder ports = ImmutableArray.CreateBuilder<SlicePort>();
        foreach (FieldReader port in root.Sections("ports"))
        {
            if (port.Text("protocol") is null or "TCP")
            {
                ports.Add(new SlicePort(port.Text("name") ?? string.Empty, port.Integer("port", 1, PortMax) ?? 0));
            }
        }

        return ports.ToImmutable();
    }

    private static ImmutableArray<SliceEndpoint> ReadEndpoints(FieldReader root, string @namespace)
    {
        ImmutableArray<SliceEndpoint>.Builder endpoints = ImmutableArray.CreateBuilder<SliceEndpoint>();
        foreach (FieldReader endpoint in root.Sections("endpoints"))
        {
            if (endpoint.Texts("addresses") is not [var first, ..])
            {
                endpoint.Error("addresses", "An endpoint needs an address.");
                continue;
            }

            if (!AddressText.TryParse(first.Text, out IPAddress? address))
            {
                endpoint.Diagnostics.Error(first.Path, first.Position, $"'{first.Text}' is not an IP address.");
                continue;
            }

            endpoints.Add(new SliceEndpoint(
                address,
                ReadPod(endpoint.Section("targetRef"), @namespace),
                ReadReadiness(endpoint.Section("conditions")),
                endpoint.Text("nodeName") ?? string.Empty,
                endpoint.Text("zone") ?? string.Empty));
        }

        return endpoints.ToImmutable();
    }

    private static string? ReadPod(FieldReader? target, string @namespace) =>
        target?.Text("kind") == "Pod" && (target.Text("namespace") ?? @namespace) == @namespace ? target.Text("name") : null;

    /// <summary>What is not said is yes; one that terminates takes no new work, unless the service publishes whoever there is.</summary>
    private static bool ReadReadiness(FieldReader? conditions)
    {
        if (conditions is null)
        {
            return true;
        }

        bool isLeaving = conditions.Flag("terminating") ?? false;
        return conditions.Flag("ready") ?? ((conditions.Flag("serving") ?? true) && !isLeaving);
    }
}
