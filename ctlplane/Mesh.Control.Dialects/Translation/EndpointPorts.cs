using System.Net.Sockets;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Model.Canonical;

namespace Mesh.Control.Dialects.Translation;

/// <summary>Which ports of a workload serve a service. What an entry says of itself comes first. Pure.</summary>
internal static class EndpointPorts
{
    /// <summary>Whether a service that is reached over some families can be served by the workload.</summary>
    public static bool HasFamily(WorkloadDraft draft, AddressFamilies families) => families switch
    {
        AddressFamilies.IPv4Only => draft.HasFamily(AddressFamily.InterNetwork),
        AddressFamilies.IPv6Only => draft.HasFamily(AddressFamily.InterNetworkV6),
        _ => true,
    };

    /// <summary>The ports that serve a service of Kubernetes; one that is named and not found serves nothing.</summary>
    public static IEnumerable<EndpointPort> Of(ServiceSpec service, WorkloadDraft draft)
    {
        foreach (ServicePortSpec port in service.Ports)
        {
            int byEntry = draft.FindEntryPort(port.Name);
            int target = byEntry > 0 ? byEntry : port.TargetPort > 0 ? port.TargetPort : draft.FindPort(port.TargetPortName);
            if (target > 0)
            {
                yield return new EndpointPort(port.Port, target, port.Protocol);
            }
        }
    }

    /// <summary>The port that serves a port of a ServiceEntry; the same number where nothing else is said.</summary>
    public static EndpointPort Of(ServiceEntryPort port, WorkloadDraft draft)
    {
        int byEntry = draft.FindEntryPort(port.Name);
        int target = byEntry > 0 ? byEntry : port.TargetPort > 0 ? port.TargetPort : port.Port;
        return new EndpointPort(port.Port, target, port.Protocol);
    }
}
