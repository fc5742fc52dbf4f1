using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.VirtualServices;

/// <summary>
/// IST0109: one host of the mesh, one VirtualService. Several are merged, and the order of the merge is seldom what was meant.
/// </summary>
internal sealed class SharedHosts : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        var claims = new Dictionary<string, List<(VirtualService Spec, Field Host)>>(StringComparer.Ordinal);
        foreach (VirtualService spec in mesh.VirtualServices.Where(spec => spec.IsForMesh))
        {
            foreach (Field host in spec.Hosts)
            {
                string name = mesh.Hosts.Resolve(host.Text, spec.Namespace);
                if (!claims.TryGetValue(name, out List<(VirtualService, Field)>? list))
                {
                    claims.Add(name, list = []);
                }

                list.Add((spec, host));
            }
        }

        foreach ((string name, List<(VirtualService Spec, Field Host)> list) in claims)
        {
            foreach ((VirtualService spec, Field host) in list)
            {
                string[] others =
                [
                    .. list.Where(other => other.Spec != spec && Meet(spec, other.Spec))
                        .Select(other => $"{other.Spec.Namespace}/{other.Spec.Name}"),
                ];
                if (others.Length > 0)
                {
                    yield return DiagnosticCodes.SharedHost.At(
                        spec,
                        host,
                        $"{name} has routes in "
                            + $"{string.Join(", ", others.Append($"{spec.Namespace}/{spec.Name}").Order(StringComparer.Ordinal))}; "
                            + "those of the oldest come first.");
                }
            }
        }
    }

    /// <summary>Whether there may be clients that see both.</summary>
    private static bool Meet(VirtualService left, VirtualService right)
    {
        HashSet<string> seenLeft = SeenBy(left);
        HashSet<string> seenRight = SeenBy(right);
        return seenLeft.Contains("*") || seenRight.Contains("*") ? seenLeft.Count > 0 && seenRight.Count > 0 : seenLeft.Overlaps(seenRight);
    }

    private static HashSet<string> SeenBy(VirtualService spec)
    {
        string[] exported = [.. spec.Spec["exportTo"].Items.Select(item => item.Text == "." ? spec.Namespace : item.Text)];
        return exported.Length == 0 ? ["*"] : [.. exported.Where(name => name != "~")];
    }
}
