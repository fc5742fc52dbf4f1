using Mesh.Control.Analysis.Inputs;

namespace Mesh.Control.Analysis.Rules;

internal static class ServiceAccounts
{
    /// <summary>Whether there is such an account: an object, the one every namespace has, or one that workloads run as.</summary>
    public static bool Exists(MeshInput mesh, string @namespace, string name, bool countsWorkloads) =>
        (name == "default" && mesh.HasNamespace(@namespace))
        || mesh.Of(Kinds.ServiceAccount).Any(account => account.Namespace == @namespace && account.Name == name)
        || (countsWorkloads && mesh.Workloads.In(@namespace).Any(workload => workload.ServiceAccount == name));
}
