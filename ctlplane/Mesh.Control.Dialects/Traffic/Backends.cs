using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>What became of a reference to a backend.</summary>
/// <param name="Service">Null when it leads nowhere.</param>
/// <param name="Reason">Why, in the words of Gateway API; empty with a service.</param>
/// <param name="Field">What of the reference is wrong.</param>
/// <param name="Message">Why, for people.</param>
internal readonly record struct BackendFinding(Service? Service, string Reason, string Field, string Message);

/// <summary>Finds the Services that backends of routes name, where a route may go to them.</summary>
internal sealed class Backends(ServiceDirectory directory, ImmutableArray<ReferenceGrantSpec> grants, string clusterDomain)
{
    /// <param name="backend">Of a route of Gateway API.</param>
    /// <param name="route">Whose.</param>
    public BackendFinding Find(DestinationSpec backend, ObjectKey route)
    {
        if (backend.Host is not { } name)
        {
            return new BackendFinding(null, ConditionReasons.InvalidKind, "kind", "Only a Service can be a backend");
        }

        if (backend.NeedsGrant && !IsGranted(route, backend.Namespace!, name))
        {
            return new BackendFinding(
                null,
                ConditionReasons.RefNotPermitted,
                "namespace",
                $"No ReferenceGrant of {backend.Namespace} lets {route.Kind}s of {route.Namespace} refer to the Service {name}");
        }

        string hostname = $"{name}.{backend.Namespace}.svc.{clusterDomain}";
        if (directory.Find(hostname, backend.Namespace!) is not { } service)
        {
            return new BackendFinding(null, ConditionReasons.BackendNotFound, "name", $"There is no service {hostname}");
        }

        return service.Ports.Any(port => port.Port == backend.Port)
            ? new BackendFinding(service, string.Empty, string.Empty, string.Empty)
            : service.UncarriedPorts.Contains(backend.Port ?? 0)
            ? new BackendFinding(
                null,
                ConditionReasons.UnsupportedProtocol,
                "port",
                $"Port {backend.Port} of the service {hostname} is not one of TCP, which alone is carried")
            : new BackendFinding(null, ConditionReasons.BackendNotFound, "port", $"The service {hostname} has no port {backend.Port}");
    }

    private bool IsGranted(ObjectKey route, string @namespace, string service) => grants.Any(grant =>
        grant.Namespace == @namespace
        && grant.From.Contains((route.Group, route.Kind, route.Namespace))
        && grant.To.Any(to => to.Group.Length == 0 && to.Kind == "Service" && (to.Name is null || to.Name == service)));
}
