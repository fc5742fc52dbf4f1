using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads an <c>outboundTrafficPolicy</c>: where connections may go that are for nobody the mesh knows (reference B.4).</summary>
internal static class OutboundModeReader
{
    private static readonly string[] s_fields = ["mode"];

    /// <param name="policy">The section; null where there is none.</param>
    /// <returns>Whether they go nowhere; null where nothing is said.</returns>
    public static bool? IsRegistryOnly(FieldReader? policy)
    {
        if (policy is null)
        {
            return null;
        }

        policy.RefuseUnknown("The policy", s_fields);
        switch (policy.Text("mode"))
        {
            case "REGISTRY_ONLY":
                return true;
            case "ALLOW_ANY":
                return false;
            case null:
                // Istio reads an empty one as its enumeration's first value.
                return true;
            case { } other:
                policy.Error("mode", $"'{other}' is no mode.", "Write REGISTRY_ONLY or ALLOW_ANY.");
                return null;
        }
    }
}
