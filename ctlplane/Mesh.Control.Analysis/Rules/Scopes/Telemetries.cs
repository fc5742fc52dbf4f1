using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Scopes;

/// <summary>IST0157: an access log needs a provider, here or in the mesh's configuration.</summary>
internal sealed class Telemetries : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        // From a wider Telemetry a narrower one has what it does not say.
        bool hasDefault = mesh.Of(Kinds.ConfigMap)
            .Any(map => map.Name == "istio" && map.Root["data"]["mesh"]["defaultProviders"]["accessLogging"].Items.Any());
        return hasDefault
            ? []
            : from telemetry in mesh.Of(Kinds.Telemetry)
              from log in telemetry.Spec["accessLogging"].Items
              where !log["disabled"].IsTrue && !log["providers"].Items.Any() && !IsInherited(mesh, telemetry)
              select DiagnosticCodes.TelemetryWithoutProvider.At(
                  telemetry,
                  log,
                  $"No provider is named here, and none is the mesh's default: nothing comes of it.");
    }

    private static bool IsInherited(MeshInput mesh, Entry telemetry) => mesh.Of(Kinds.Telemetry).Any(wider =>
        wider != telemetry
        && (wider.Namespace == telemetry.Namespace || wider.Namespace == mesh.Options.RootNamespace)
        && Selectors.IsWhole(wider)
        && wider.Spec["accessLogging"].Items.Any(log => log["providers"].Items.Any()));
}
