using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Analysis.Rules.Scopes;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Gateways;

/// <summary>IST0127 (KIA0302) and IST0162: a Gateway has workloads, and a Service lets clients reach its ports.</summary>
internal sealed class GatewayWorkloads : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) => mesh.Gateways
        .Where(gateway => gateway.Selector.Count > 0)
        .SelectMany(gateway => Check(mesh, gateway));

    private static IEnumerable<Diagnostic> Check(MeshInput mesh, Gateway gateway)
    {
        List<Workload> workloads = [.. mesh.Workloads.SelectEverywhere(gateway.Selector)];
        if (workloads.Count == 0)
        {
            yield return DiagnosticCodes.SelectsNothing.At(
                gateway,
                gateway.Spec["selector"],
                $"No workload has the labels {Selectors.TextOf(gateway.Selector)} of this gateway's selector.",
                alias: "KIA0302");
            yield break;
        }

        List<Service> services =
        [
            .. mesh.Services.Where(service => service.Selector is { } selector
                && workloads.Any(workload => workload.Namespace == service.Namespace && workload.Labels.Satisfy(selector))),
        ];
        foreach (GatewayServer server in gateway.Servers.Where(server => server.Port > 0 && services.Count > 0))
        {
            // Servers say the port clients dial or the one the workload listens at; named ones may be either.
            bool isExposed = services.SelectMany(service => service.Ports).Any(port =>
                port.Number == server.Port || port.TargetNumber == server.Port || port.TargetName.Length > 0);
            if (!isExposed)
            {
                yield return DiagnosticCodes.GatewayPortNotExposed.At(
                    gateway,
                    server.Field["port"]["number"],
                    $"No Service that leads to the workloads of {Selectors.TextOf(gateway.Selector)} exposes port {server.Port}.");
            }
        }
    }
}
