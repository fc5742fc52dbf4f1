using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Services;

/// <summary>IST0118, IST0150 and KIA0602: the ports of Services say what is spoken.</summary>
internal sealed class PortNames : IRule
{
    /// <summary>The cluster's own services are none of the mesh's.</summary>
    private static readonly string[] s_systemNamespaces = ["kube-system", "kube-public", "kube-node-lease"];

    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from service in mesh.Of(Kinds.Service)
        where !s_systemNamespaces.Contains(service.Namespace)
        from port in service.Spec["ports"].Items.Select(ServicePort.OfService)
        from finding in Check(service, port)
        select finding;

    private static IEnumerable<Diagnostic> Check(Entry service, ServicePort port)
    {
        if (port.AppProtocol.Length > 0)
        {
            // A name with a prefix is of somebody's own, and known to whoever gave it.
            if (!ProtocolNames.IsKnown(port.AppProtocol) && !port.AppProtocol.Contains('/', StringComparison.Ordinal))
            {
                yield return DiagnosticCodes.AppProtocolForm.At(
                    service, port.Field["appProtocol"], $"The appProtocol {port.AppProtocol} of port {port.Number} is not known.");
            }

            yield break;
        }

        if (port.Transport != "TCP" || port.Protocol.Length > 0)
        {
            yield break;
        }

        Field at = port.Field["name"].Exists ? port.Field["name"] : port.Field;
        yield return service.Spec["type"].Text == "ExternalName"
            ? DiagnosticCodes.ExternalNamePort.At(
                service,
                at,
                $"Port {port.Number} of this external name, \"{port.Name}\", says no protocol, and is taken for TCP.")
            : DiagnosticCodes.PortNameForm.At(
                service,
                at,
                $"The name {port.Name} of port {port.Number} (to {(port.TargetName.Length > 0 ? port.TargetName : port.TargetNumber)}) "
                    + "says no protocol.");
    }
}
