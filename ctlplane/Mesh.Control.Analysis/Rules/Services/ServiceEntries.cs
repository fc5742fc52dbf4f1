using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Services;

/// <summary>IST0134, IST0177 and KIA1211: the hosts and ports of ServiceEntries can be told apart.</summary>
internal sealed class ServiceEntries : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        var owners = new Dictionary<(string Host, int Port, string Scope), (Entry Entry, ServicePort Port)>();
        foreach (Entry entry in mesh.Of(Kinds.ServiceEntry))
        {
            ServicePort[] ports = [.. entry.Spec["ports"].Items.Select(ServicePort.OfServiceEntry)];
            if (!entry.Spec["addresses"].Items.Any())
            {
                foreach (ServicePort port in ports.Where(port => port.AppProtocol.ToUpperInvariant() is "" or "TCP"))
                {
                    yield return DiagnosticCodes.PortWithoutAddress.At(
                        entry,
                        port.Field["protocol"],
                        "ServiceEntry addresses are required for this protocol: without them every connection to port "
                            + $"{port.Number}, wherever to, may be taken for one to it.");
                }
            }

            foreach (Diagnostic finding in FindRepeated(entry, ports, owners))
            {
                yield return finding;
            }
        }
    }

    private static IEnumerable<Diagnostic> FindRepeated(
        Entry entry, ServicePort[] ports, Dictionary<(string Host, int Port, string Scope), (Entry Entry, ServicePort Port)> owners)
    {
        // What only its own namespace sees stands beside another namespace's.
        string scope = entry.Spec["exportTo"].Items.Any(item => item.Text == ".") ? entry.Namespace : string.Empty;
        foreach (Field host in entry.Spec["hosts"].Items.Where(host => host.Text.Length > 0))
        {
            foreach (ServicePort port in ports)
            {
                (string, int, string) key = (host.Text, port.Number, scope);
                if (owners.TryAdd(key, (entry, port)) || owners[key].Entry == entry)
                {
                    continue;
                }

                (Entry other, ServicePort first) = owners[key];
                bool isConflict = !string.Equals(first.AppProtocol, port.AppProtocol, StringComparison.OrdinalIgnoreCase);
                yield return isConflict
                    ? DiagnosticCodes.EntryProtocolsConflict.At(
                        entry,
                        port.Field["protocol"],
                        $"ServiceEntries {other.Namespace}/{other.Name} and {entry.Namespace}/{entry.Name} declare "
                            + $"{host.Text}:{port.Number} with "
                            + $"the protocols {first.AppProtocol} and {port.AppProtocol}.")
                    : DiagnosticCodes.EntryHostTwice.At(
                        entry, host, $"{host.Text}:{port.Number} is also declared by {other.Namespace}/{other.Name}.");
            }
        }
    }
}
