using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Services;

/// <summary>KIA0701: a port of a Service leads to a port of its workloads, as far as those declare theirs.</summary>
internal sealed class TargetPorts : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from service in mesh.Services
        where service.IsSelecting
        let workloads = mesh.Workloads.Select(service.Namespace, service.Selector!).ToList()
        where workloads.Count > 0 && workloads.All(workload => workload.Ports.Count > 0)
        from port in service.Ports
        where port.TargetNumber > 0 || port.TargetName.Length > 0
        where !workloads.Any(workload => workload.Ports.Any(declared => IsMeant(port, declared)))
        select DiagnosticCodes.TargetPortMissing.At(
            service.Entry,
            port.Field["targetPort"].Exists ? port.Field["targetPort"] : port.Field["port"],
            $"No workload of {service.Namespace}/{service.Entry.Name} has the port "
                + $"{(port.TargetName.Length > 0 ? port.TargetName : port.TargetNumber)}.");

    private static bool IsMeant(ServicePort port, (string Name, int Number) declared) =>
        port.TargetName.Length > 0 ? declared.Name == port.TargetName : declared.Number == port.TargetNumber;
}
