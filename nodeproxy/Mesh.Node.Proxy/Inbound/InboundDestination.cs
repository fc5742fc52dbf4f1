using Mesh.Node.Model;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>Finds what an inbound connection is for.</summary>
internal static class InboundDestination
{
    /// <summary>
    /// The pod's own workload; waits for it and for the first complete configuration, then refuses. One that has left is refused at once:
    /// its clients have others to go to.
    /// </summary>
    public static async ValueTask<Workload?> FindAsync(LoopContext context, EnrolledPod pod, ConnectionRecord record)
    {
        bool known = await context.WaitForConfigurationAsync(
            snapshot => snapshot.IsComplete && (pod.FindWorkload(snapshot) is not null || pod.HasLeft(snapshot)),
            TimeSpan.FromMilliseconds(context.Services.Options.ConfigurationWaitMs));
        Workload? workload = known ? pod.FindWorkload(context.Snapshot) : null;
        if (workload is null)
        {
            record.TryEnd(context.Snapshot.IsComplete ? CloseReason.DestinationUnknown : CloseReason.NotReady);
        }

        return record.Reason == CloseReason.None ? workload : null;
    }

    /// <summary>
    /// What a port of a workload is declared to speak, HTTP of whatever version. Where the services that lead there differ, the clients'
    /// first bytes tell, since whoever comes by one would be cut off by what another says; but where one says TCP, nobody looks.
    /// </summary>
    public static PortProtocol ProtocolOf(MeshSnapshot snapshot, Workload workload, int port)
    {
        PortProtocol? said = null;
        foreach (ServiceMembership membership in workload.Services)
        {
            if (snapshot.FindService(membership.ServiceKey) is not Service service)
            {
                continue;
            }

            foreach (ServicePort declared in service.Ports)
            {
                int target = membership.TargetPortOf(declared.Port);
                if ((target == 0 ? declared.TargetPort : target) != port)
                {
                    continue;
                }

                if (declared.Protocol == PortProtocol.Tcp)
                {
                    return PortProtocol.Tcp;
                }

                PortProtocol says = Beginnings.IsHttp(declared.Protocol) ? PortProtocol.Http : declared.Protocol;
                said = said is null || said == says ? says : PortProtocol.Detect;
            }
        }

        return said ?? PortProtocol.Detect;
    }

    /// <summary>A port as the client sees it; clients outside the mesh are one.</summary>
    public static PortKey KeyOf(ConnectionRecord record, Workload destination, int port) =>
        new(record.Source?.Uid ?? "", destination.Uid, port);

    /// <summary>The first service whose target is this port of the workload: a guess, for telemetry only, as ztunnel makes it.</summary>
    public static Service? ServiceOf(MeshSnapshot snapshot, Workload workload, int port)
    {
        foreach (ServiceMembership membership in workload.Services)
        {
            foreach (ServicePort candidate in membership.Ports)
            {
                if (candidate.TargetPort == port && snapshot.FindService(membership.ServiceKey) is Service service)
                {
                    return service;
                }
            }
        }

        return null;
    }
}
