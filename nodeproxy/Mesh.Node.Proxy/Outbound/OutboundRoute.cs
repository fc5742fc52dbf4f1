using System.Net;
using Mesh.Node.Model;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Naming;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>How a captured connection goes on.</summary>
internal enum OutboundWay
{
    /// <summary>It does not; see the reason.</summary>
    Refused,

    /// <summary>Nothing in the mesh owns the address: to the original destination, as it is.</summary>
    Passthrough,

    /// <summary>To an endpoint that no proxy stands in front of: plain TCP.</summary>
    Plain,

    /// <summary>To an endpoint's proxy, over HBONE.</summary>
    Hbone,
}

/// <summary>Where a captured connection goes: decided from one snapshot, without side effect.</summary>
internal readonly record struct OutboundRoute
{
    public required OutboundWay Way { get; init; }

    /// <summary>The application's address and port at the endpoint, or the original destination.</summary>
    public IPEndPoint? Target { get; init; }

    /// <summary>The endpoint, where the mesh knows it.</summary>
    public Workload? Workload { get; init; }

    /// <summary>The service that was dialled, if one was, or the one that its routes lead to.</summary>
    public Service? Service { get; init; }

    /// <summary>The port of the service.</summary>
    public ushort Port { get; init; }

    /// <summary>The subset of the service's endpoints that a route names; empty for all of them.</summary>
    public string Subset { get; init; } = "";

    public OutboundRoute()
    {
    }

    /// <summary>Why it is refused.</summary>
    public CloseReason Reason { get; init; }

    /// <summary>What stands in the way, by name.</summary>
    public string? Detail { get; init; }

    /// <summary>
    /// ztunnel's decision tree. A service's address goes before a workload's; at an address nobody owns, what the client asks for may
    /// lead to a service, and what leads nowhere is passed through where the client may go anywhere. What a foreign control plane asks for
    /// and this proxy does not do is refused by name, never gone past.
    /// </summary>
    /// <param name="snapshot">The configuration in force.</param>
    /// <param name="source">The client's workload.</param>
    /// <param name="destination">What it dialled.</param>
    /// <param name="serverName">The host its TLS asks for; null or empty for none.</param>
    /// <param name="counts">How busy endpoints are.</param>
    /// <param name="random">The caller's generator.</param>
    public static OutboundRoute Decide(
        MeshSnapshot snapshot,
        Workload source,
        IPEndPoint destination,
        string? serverName,
        IOpenStreamCounts counts,
        ref RandomState random)
    {
        if (MeshPorts.IsReserved(destination.Port))
        {
            return Refuse(CloseReason.CapturePortRefused, $"port {destination.Port} belongs to the mesh");
        }

        var address = NetworkAddress.From(source.Network, destination.Address);
        NamedPort? named = snapshot.NamedPorts.Find((ushort)destination.Port);
        Service? asked = named?.FindByServerName(serverName, source.Namespace);
        if (snapshot.FindServiceByAddress(address, source.Namespace) is Service owner)
        {
            return ToService(
                snapshot, source, asked?.Owns(address) == true ? asked : owner, destination, serverName, counts, ref random);
        }

        Workload? workload = snapshot.FindWorkload(address);
        if (workload is null or { TunnelProtocol: TunnelProtocol.None, Node: "" }
            && (asked ?? named?.FindByPort(source.Namespace)) is Service service)
        {
            return ToService(snapshot, source, service, destination, serverName, counts, ref random);
        }

        if (workload is not null)
        {
            return workload.Waypoint is not null
                ? Refuse(CloseReason.WaypointUnsupported, $"{workload.Uid} asks for waypoint {workload.Waypoint}") with
                {
                    Workload = workload,
                }
                : ToWorkload(workload, null, destination);
        }

        return source.IsRegistryOnly
            ? Refuse(CloseReason.NotInRegistry, $"nothing in the mesh is known at {destination}")
            : new OutboundRoute { Way = OutboundWay.Passthrough, Target = destination };
    }

    private static OutboundRoute ToService(
        MeshSnapshot snapshot,
        Workload source,
        Service service,
        IPEndPoint destination,
        string? serverName,
        IOpenStreamCounts counts,
        ref RandomState random)
    {
        if (service.Waypoint is null && service.WeightedWaypoints.IsEmpty
            && FindRoute(snapshot, source, service, destination, serverName) is ConnectionRoute route)
        {
            var health = new Usability(snapshot, source);
            int drawn = route.Destinations.Pick(in health, ref random);
            if (drawn == WeightedDestinations.None
                || snapshot.FindService(route.Destinations.Destinations[drawn].ServiceKey) is not Service routed)
            {
                return Refuse(CloseReason.NoHealthyEndpoint, $"no destination of the route {route.Name} can be reached") with
                {
                    Service = service,
                };
            }

            WeightedDestination chosen = route.Destinations.Destinations[drawn];
            return ToEndpoint(snapshot, source, routed, chosen.Port, chosen.Subset, destination, counts, ref random);
        }

        return ToEndpoint(snapshot, source, service, (ushort)destination.Port, "", destination, counts, ref random);
    }

    private static ConnectionRoute? FindRoute(
        MeshSnapshot snapshot, Workload source, Service service, IPEndPoint destination, string? serverName)
    {
        if (snapshot.FindTraffic(service.Key) is not ServiceTraffic traffic)
        {
            return null;
        }

        var address = IpValue.From(destination.Address);
        foreach (ConnectionRoute route in traffic.ScopeOf(source.Namespace).ConnectionsOf((ushort)destination.Port))
        {
            if (route.IsFor(serverName, address, source))
            {
                return route;
            }
        }

        return null;
    }

    private static OutboundRoute ToEndpoint(
        MeshSnapshot snapshot,
        Workload source,
        Service service,
        ushort port,
        string subset,
        IPEndPoint destination,
        IOpenStreamCounts counts,
        ref RandomState random)
    {
        if (service.Waypoint is not null || !service.WeightedWaypoints.IsEmpty)
        {
            return Refuse(CloseReason.WaypointUnsupported, $"{service.Key} asks for a waypoint") with { Service = service };
        }

        EndpointChoice choice = EndpointPicker.Pick(
            snapshot, service.Key, port, subset, source, destination.AddressFamily, counts, ref random);
        OutboundRoute route = choice.Status switch
        {
            EndpointStatus.Picked => ToWorkload(choice.Workload!, service, new IPEndPoint(choice.Address!, choice.TargetPort)),
            EndpointStatus.Passthrough => new OutboundRoute { Way = OutboundWay.Passthrough, Target = destination },
            EndpointStatus.UnknownPort or EndpointStatus.UnknownService =>
                Refuse(CloseReason.NoServicePort, $"{service.Key} has no port {port}"),
            EndpointStatus.BehindNetworkGateway =>
                Refuse(CloseReason.NetworkGatewayUnsupported, $"{choice.Workload} is behind a network gateway"),
            EndpointStatus.NeedsResolution =>
                Refuse(CloseReason.NameNotResolved, $"{choice.Workload}: no address of {choice.Workload?.Hostname} has been found"),
            _ => Refuse(CloseReason.NoHealthyEndpoint, $"{service.Key}:{port}{(subset.Length == 0 ? "" : $"/{subset}")}: {choice.Status}"),
        };
        return route with { Service = service, Port = port, Subset = subset, Workload = route.Workload ?? choice.Workload };
    }

    private static OutboundRoute ToWorkload(Workload workload, Service? service, IPEndPoint target)
    {
        if (MeshPorts.IsReserved(target.Port))
        {
            return Refuse(CloseReason.CapturePortRefused, $"{service?.Key} leads to port {target.Port}, which belongs to the mesh");
        }

        if (workload.NetworkGateway is not null)
        {
            return Refuse(CloseReason.NetworkGatewayUnsupported, $"{workload.Uid} is behind {workload.NetworkGateway}") with
            {
                Workload = workload,
            };
        }

        return new OutboundRoute
        {
            Way = workload.TunnelProtocol == TunnelProtocol.Hbone ? OutboundWay.Hbone : OutboundWay.Plain,
            Target = target,
            Workload = workload,
            Service = service,
        };
    }

    /// <summary>Which destinations have an endpoint.</summary>
    private readonly struct Usability(MeshSnapshot snapshot, Workload source) : IDestinationHealth
    {
        public bool IsUsable(WeightedDestination destination) =>
            EndpointPicker.Find(snapshot, destination.ServiceKey, destination.Port, destination.Subset, source).Status
                is EndpointStatus.Picked or EndpointStatus.Passthrough;
    }

    private static OutboundRoute Refuse(CloseReason reason, string detail) =>
        new() { Way = OutboundWay.Refused, Reason = reason, Detail = detail };
}
