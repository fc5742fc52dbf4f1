using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Analysis.Rules.Scopes;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Gateways;

/// <summary>IST0145: a host and port of the same workloads belongs to one server.</summary>
internal sealed class ServerConflicts : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        var owners = new Dictionary<string, (Gateway Gateway, GatewayServer Server)>(StringComparer.Ordinal);
        foreach (Gateway gateway in mesh.Gateways)
        {
            string selector = gateway.Spec["selector"].Canonical();
            foreach (GatewayServer server in gateway.Servers.Where(server => server.Port > 0))
            {
                foreach (Field host in server.Hosts)
                {
                    string key = $"{selector} {server.Field["bind"].Text} {server.Port} {ScopedName(gateway, host.Text)}";
                    if (owners.TryGetValue(key, out (Gateway Gateway, GatewayServer Server) owner))
                    {
                        yield return DiagnosticCodes.GatewaysConflict.At(
                            gateway,
                            host,
                            $"{owner.Gateway.Namespace}/{owner.Gateway.Name} takes {host.Text} on port {server.Port} of the workloads "
                                + $"{Selectors.TextOf(gateway.Selector)} already.");
                    }
                    else
                    {
                        owners.Add(key, (gateway, server));
                    }
                }
            }
        }
    }

    private static string ScopedName(Gateway gateway, string host)
    {
        int slash = host.IndexOf('/', StringComparison.Ordinal);
        string scope = slash < 0 ? "*" : host[..slash];
        return $"{(scope == "." ? gateway.Namespace : scope)}/{GatewayServer.NameOf(host)}";
    }
}
