using System.Net;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Mesh.Api.Workload;
using Mesh.Lab;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// A lab whose proxies follow a control plane that is not the mesh's own. What it says of a workload or service that is otherwise ordinary
/// goes by the name.
/// </summary>
public class ForeignLab : SuppliedAuthorityLab
{
    /// <summary>A workload that asks for a waypoint.</summary>
    public const string Waypoint = "waypoint";

    /// <summary>A service that asks for a waypoint.</summary>
    public const string ServiceWaypoint = "service-waypoint";

    /// <summary>A service that asks for one of two waypoints.</summary>
    public const string WeightedWaypoints = "weighted-waypoints";

    /// <summary>A workload on another network, behind a gateway.</summary>
    public const string NetworkGateway = "network-gateway";

    /// <summary>A workload that wants its connections in a PROXY protocol of its own.</summary>
    public const string ApplicationTunnel = "application-tunnel";

    /// <summary>A workload that speaks HBONE itself.</summary>
    public const string NativeTunnel = "native-tunnel";

    private const ushort Port = 15112;

    private ForeignControlPlane? _foreign;

    protected override JsonObject NodeConfiguration => new()
    {
        ["controlPlane"] = new JsonObject
        {
            ["address"] = $"https://{new IPEndPoint(MeshLab.ControlEndPoint.Address, Port)}",
            ["rootCertificateFile"] = RootFile,
        },
    };

    public override async ValueTask DisposeAsync()
    {
        if (_foreign is not null)
        {
            await _foreign.DisposeAsync();
        }

        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override async Task StartedAsync()
    {
        _foreign = await ForeignControlPlane.StartAsync(
            Lab.ControlPlace,
            new IPEndPoint(MeshLab.ControlEndPoint.Address, Port),
            MeshLab.ControlEndPoint,
            Root,
            Change);
    }

    private static void Change(Address address)
    {
        switch (address.Workload?.Name ?? address.Service?.Name)
        {
            case Waypoint:
                address.Workload!.Waypoint = Gateway();
                break;
            case ServiceWaypoint when address.Service is { } service:
                service.Waypoint = Gateway();
                break;
            case WeightedWaypoints when address.Service is { } service:
                service.WeightedWaypoints.Add(new WeightedWaypoint { Destination = Gateway(), Weight = 1 });
                service.WeightedWaypoints.Add(new WeightedWaypoint { Destination = Gateway(), Weight = 2 });
                break;
            case NetworkGateway:
                address.Workload!.NetworkGateway = Gateway();
                break;
            case ApplicationTunnel:
                address.Workload!.ApplicationTunnel = new ApplicationTunnel
                {
                    Protocol = Api.Workload.ApplicationTunnel.Types.Protocol.Proxy,
                    Port = 15088,
                };
                break;
            case NativeTunnel:
                address.Workload!.NativeTunnel = true;
                address.Workload.TunnelProtocol = TunnelProtocol.Hbone;
                break;
        }
    }

    private static GatewayAddress Gateway() => new()
    {
        Address = new NetworkAddress { Address = ByteString.CopyFrom(192, 0, 2, 1) },
        HboneMtlsPort = 15008,
    };
}

/// <summary>The same with capture by nat REDIRECT.</summary>
public sealed class RedirectForeignLab : ForeignLab
{
    protected override JsonObject NodeConfiguration
    {
        get
        {
            JsonObject configuration = base.NodeConfiguration;
            configuration["capture"] = new JsonObject { ["mode"] = "redirect" };
            return configuration;
        }
    }
}
