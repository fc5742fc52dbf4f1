using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.GatewayApi;

/// <summary>KIA1501, KIA1502, KIA1503 and KIA1504: listeners and addresses of Gateways are each of one, and their class exists.</summary>
internal sealed class KubernetesGateways : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        IReadOnlyList<Entry> gateways = mesh.Of(Kinds.KubernetesGateway);
        HashSet<string> classes = [.. mesh.Of(Kinds.GatewayClass).Select(entry => entry.Name)];
        return gateways.SelectMany(gateway => FindInside(gateway, classes)).Concat(FindBetween(gateways));
    }

    private static IEnumerable<Diagnostic> FindInside(Entry gateway, HashSet<string> classes)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (Field listener in gateway.Spec["listeners"].Items)
        {
            if (!seen.Add(KeyOf(listener)))
            {
                yield return DiagnosticCodes.ListenerTwice.At(
                    gateway, listener, $"Another listener has the host, port and protocol of {listener["name"].Text}.");
            }
        }

        Field className = gateway.Spec["gatewayClassName"];
        if (className.Text.Length > 0 && !classes.Contains(className.Text))
        {
            yield return DiagnosticCodes.ClassUnknown.At(
                gateway, className, $"There is no GatewayClass {className.Text}.");
        }
    }

    private static IEnumerable<Diagnostic> FindBetween(IReadOnlyList<Entry> gateways)
    {
        var owners = new Dictionary<string, Entry>(StringComparer.Ordinal);
        foreach (Entry gateway in gateways)
        {
            foreach (Field address in gateway.Spec["addresses"].Items)
            {
                string value = address["value"].Text;
                if (value.Length == 0 || owners.TryAdd(value, gateway) || owners[value] == gateway)
                {
                    continue;
                }

                Entry other = owners[value];
                HashSet<string> taken = [.. other.Spec["listeners"].Items.Select(KeyOf)];
                Field? clash = gateway.Spec["listeners"].Items.FirstOrDefault(listener => taken.Contains(KeyOf(listener)));
                yield return clash is null
                    ? DiagnosticCodes.AddressesClash.At(
                        gateway, address["value"], $"{other.Namespace}/{other.Name} has the address {value} too.")
                    : DiagnosticCodes.ListenersClash.At(
                        gateway,
                        clash,
                        $"{other.Namespace}/{other.Name} has the same listener at {value}.");
            }
        }
    }

    private static string KeyOf(Field listener) =>
        $"{listener["port"].Number} {listener["protocol"].Text} {listener["hostname"].Text.ToLowerInvariant()}";
}
