using Mesh.Control.Analysis.Rules.DestinationRules;
using Mesh.Control.Analysis.Rules.GatewayApi;
using Mesh.Control.Analysis.Rules.Gateways;
using Mesh.Control.Analysis.Rules.Metadata;
using Mesh.Control.Analysis.Rules.Policies;
using Mesh.Control.Analysis.Rules.Scopes;
using Mesh.Control.Analysis.Rules.Services;
using Mesh.Control.Analysis.Rules.VirtualServices;

namespace Mesh.Control.Analysis.Rules;

internal static class AllRules
{
    public static readonly IRule[] List =
    [
        new DestinationHosts(), new Subsets(), new GatewayReferences(), new SharedHosts(), new Reachability(), new Weights(),
        new ClaimRoutes(), new IngressSubsets(),
        new RuleHosts(), new RepeatedSubsets(), new Verification(),
        new ServerConflicts(), new GatewayWorkloads(), new Credentials(),
        new PortNames(), new SharedPorts(), new TargetPorts(), new ServiceEntries(), new WorkloadGroups(),
        new SelectedWorkloads(), new Uniqueness(), new Exports(), new Sidecars(), new Telemetries(),
        new PolicySources(), new PolicyOperations(),
        new RouteReferences(), new KubernetesGateways(), new Grants(),
        new NamespaceLabels(), new Annotations(), new Conditions(), new DeprecatedFields(),
    ];
}
