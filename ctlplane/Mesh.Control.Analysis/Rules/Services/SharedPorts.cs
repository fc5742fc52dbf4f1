using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Services;

/// <summary>IST0116 and IST0137: services that share a port of a workload agree about it.</summary>
internal sealed class SharedPorts : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        var uses = new Dictionary<(Workload Workload, string Target), List<(Service Service, ServicePort Port)>>();
        foreach (Service service in mesh.Services.Where(service => service.IsSelecting))
        {
            foreach (Workload workload in mesh.Workloads.Select(service.Namespace, service.Selector!))
            {
                foreach (ServicePort port in service.Ports)
                {
                    (Workload, string) key = (workload, TargetOf(workload, port));
                    if (!uses.TryGetValue(key, out List<(Service, ServicePort)>? list))
                    {
                        uses.Add(key, list = []);
                    }

                    list.Add((service, port));
                }
            }
        }

        return uses.Where(use => use.Value.Count > 1).SelectMany(use => Check(use.Key.Workload, use.Key.Target, use.Value));
    }

    /// <summary>A port by its number, where the workload gives its name one.</summary>
    private static string TargetOf(Workload workload, ServicePort port)
    {
        int number = port.TargetName.Length == 0
            ? port.TargetNumber
            : workload.Ports.FirstOrDefault(declared => declared.Name == port.TargetName).Number;
        return $"{port.Transport} {(number > 0 ? number : port.TargetName)}";
    }

    private static IEnumerable<Diagnostic> Check(Workload workload, string target, List<(Service Service, ServicePort Port)> uses)
    {
        string number = target.Split(' ')[1];
        string names = string.Join(
            ", ",
            uses.Select(use => $"{use.Service.Namespace}/{use.Service.Entry.Name}").Distinct().Order(StringComparer.Ordinal));
        (Service service, ServicePort port) = uses[0];
        string[] protocols = [.. uses.Select(use => use.Port.Protocol).Where(protocol => protocol.Length > 0).Distinct()];
        if (protocols.Length > 1)
        {
            yield return DiagnosticCodes.PortProtocolsDiffer.At(
                workload.Entry,
                workload.Entry.Metadata["name"],
                $"Port {number} of {workload.Namespace}/{workload.Entry.Name} speaks what {names} say, which differs: "
                    + $"{string.Join(" and ", protocols.Order(StringComparer.Ordinal))}.");
        }

        int[] ports = [.. uses.Where(use => use.Service != service).Select(use => use.Port.Number).Append(port.Number).Distinct().Order()];
        if (ports.Length > 1)
        {
            yield return DiagnosticCodes.PortsOfTarget.At(
                workload.Entry,
                workload.Entry.Metadata["name"],
                $"Port {number} of {workload.Namespace}/{workload.Entry.Name} is reached by {names} at different ports: "
                    + $"{string.Join(", ", ports)}.");
        }
    }
}
