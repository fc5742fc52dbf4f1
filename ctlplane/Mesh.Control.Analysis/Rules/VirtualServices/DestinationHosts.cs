using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.VirtualServices;

/// <summary>IST0101 and IST0112: where routes lead exists, and which of its ports is meant is clear.</summary>
internal sealed class DestinationHosts : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from spec in mesh.Subjects(mesh.VirtualServices)
        from route in spec.Routes
        from destination in route.Destinations
        where destination.Host.Length > 0
        from finding in Check(mesh, spec, destination)
        select finding;

    private static IEnumerable<Diagnostic> Check(MeshInput mesh, VirtualService spec, RouteDestination destination)
    {
        string host = mesh.Hosts.Resolve(destination.Host, spec.Namespace);
        if (mesh.Hosts.Find(host) is not { } service)
        {
            string hint = mesh.Hosts.Completed(destination.Host) is { } completed
                ? $"A name with a dot is taken as it is: write {completed}."
                : $"Create a Service or ServiceEntry for {host}, or correct the host.";
            yield return DiagnosticCodes.ReferenceMissing.At(
                spec, destination.Field["host"], $"No service is called \"{destination.Host}\".", hint, "KIA1101");
        }
        else if (destination.Port is { } port && service.Ports.All(candidate => candidate.Number != port))
        {
            yield return DiagnosticCodes.ReferenceMissing.At(
                spec,
                destination.Field["port"]["number"],
                $"{destination.Host} has no port {port}.",
                $"The ports of {host} are {string.Join(", ", service.Ports.Select(candidate => candidate.Number))}.",
                "KIA1101");
        }
        else if (destination.Port is null && service.Ports.Count > 1)
        {
            yield return DiagnosticCodes.PortUnchosen.At(
                spec,
                destination.Field["port"],
                $"{destination.Host} has the ports {string.Join(", ", service.Ports.Select(candidate => candidate.Number))}, and none is "
                    + "chosen.");
        }
    }
}
