using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Rules.VirtualServices;

/// <summary>IST0149: routes by the claims of tokens need tokens that were verified, where the gateway's workloads are.</summary>
internal sealed class ClaimRoutes : IRule
{
    private const string ClaimPrefix = "@request.auth.claims";

    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        foreach (VirtualService spec in mesh.Subjects(mesh.VirtualServices))
        {
            Field? claim = spec.Routes.SelectMany(route => route.Matches)
                .SelectMany(match => match["headers"].Entries.Concat(match["withoutHeaders"].Entries))
                .FirstOrDefault(header => header.Key.StartsWith(ClaimPrefix, StringComparison.OrdinalIgnoreCase));
            if (claim is null)
            {
                continue;
            }

            foreach (Field reference in spec.Gateways.Where(reference => reference.Text != VirtualService.MeshGateway))
            {
                Gateway? gateway = mesh.Gateways.FirstOrDefault(candidate => $"{candidate.Namespace}/{candidate.Name}"
                    == (reference.Text.Contains('/', StringComparison.Ordinal) ? reference.Text : $"{spec.Namespace}/{reference.Text}"));
                if (gateway is not null && !mesh.Of(Kinds.RequestAuthentication).Any(policy => MayHoldFor(mesh, policy, gateway)))
                {
                    yield return DiagnosticCodes.ClaimsUnverified.At(
                        spec,
                        claim,
                        $"{claim.Key} asks for what no RequestAuthentication of the gateway {gateway.Namespace}/{gateway.Name} verifies.");
                }
            }
        }
    }

    private static bool MayHoldFor(MeshInput mesh, Entry policy, Gateway gateway)
    {
        Labels selector = policy.Spec["selector"]["matchLabels"].ToLabels();
        IEnumerable<Workload> workloads = mesh.Workloads.SelectEverywhere(gateway.Selector)
            .Where(workload => policy.Namespace == mesh.Options.RootNamespace || workload.Namespace == policy.Namespace);

        // Without workloads to ask, the labels say it: what a policy selects must be what the gateway selects.
        return workloads.Any(workload => workload.Labels.Satisfy(selector)) || gateway.Selector.Satisfy(selector);
    }
}
