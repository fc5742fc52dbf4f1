using Mesh.Node.Model.Addresses;

namespace Mesh.Node.Model.Workloads;

/// <summary>A proxy that traffic must pass: named by hostname or by address, never both.</summary>
public sealed record GatewayAddress
{
    private GatewayAddress(string? serviceKey, NetworkAddress? address, ushort hbonePort)
    {
        ServiceKey = serviceKey;
        Address = address;
        HbonePort = hbonePort;
    }

    /// <summary>namespace/hostname; null when the gateway is an address.</summary>
    public string? ServiceKey { get; }

    /// <summary>Null when the gateway is a hostname.</summary>
    public NetworkAddress? Address { get; }

    /// <summary>The port it takes HBONE on.</summary>
    public ushort HbonePort { get; }

    public static GatewayAddress ByService(string serviceKey, ushort hbonePort) => new(serviceKey, null, hbonePort);

    public static GatewayAddress ByAddress(NetworkAddress address, ushort hbonePort) => new(null, address, hbonePort);

    public override string ToString() => ServiceKey is not null ? $"{ServiceKey}:{HbonePort}" : $"{Address}:{HbonePort}";
}

/// <summary>One of several waypoints that share a service's traffic by weight.</summary>
public sealed record WeightedWaypoint(GatewayAddress Destination, uint Weight);
