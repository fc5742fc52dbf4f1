using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Policies;

/// <summary>KIA0102 and KIA0104: what an AuthorizationPolicy allows or denies can be asked for.</summary>
internal sealed class PolicyOperations : IRule
{
    private static readonly string[] s_methods =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        HashSet<string> routed =
        [
            .. mesh.VirtualServices.SelectMany(spec => spec.Hosts).Select(host => host.Text),
            .. mesh.Gateways.SelectMany(gateway => gateway.Servers).SelectMany(server => server.Hosts)
                .Select(host => GatewayServer.NameOf(host.Text)),
            .. mesh.OfAny(Kinds.Routes).SelectMany(route => route.Spec["hostnames"].Items).Select(host => host.Text),
        ];
        return
            from policy in mesh.Of(Kinds.AuthorizationPolicy)
            from rule in policy.Spec["rules"].Items
            from to in rule["to"].Items
            from finding in Check(mesh, policy, to["operation"], routed)
            select finding;
    }

    private static IEnumerable<Diagnostic> Check(MeshInput mesh, Entry policy, Field operation, HashSet<string> routed)
    {
        foreach (Field method in Values(operation, "methods", "notMethods"))
        {
            if (!method.Text.Contains('*', StringComparison.Ordinal) && !s_methods.Contains(method.Text))
            {
                yield return DiagnosticCodes.MethodUnknown.At(
                    policy,
                    method,
                    $"{method.Text} is never the method of a request.",
                    s_methods.Contains(method.Text.ToUpperInvariant())
                        ? $"Write {method.Text.ToUpperInvariant()}."
                        : method.Text.StartsWith('/') ? "Write it among the paths: the method of a gRPC call is POST." : string.Empty);
            }
        }

        foreach (Field host in Values(operation, "hosts", "notHosts"))
        {
            string name = WithoutPort(host.Text).ToLowerInvariant();
            if (name.EndsWith('*') || IsKnown(mesh, policy.Namespace, name, routed))
            {
                continue;
            }

            yield return DiagnosticCodes.PolicyHostMissing.At(
                policy, host, $"No service is called {host.Text}.");
        }
    }

    /// <summary>Clients write names of services in many ways: with the namespace, and with any part of what follows.</summary>
    private static bool IsKnown(MeshInput mesh, string @namespace, string name, HashSet<string> routed)
    {
        string domain = $".svc.{mesh.Options.ClusterDomain}";
        string[] forms = [name, $"{name}.{@namespace}{domain}", $"{name}{domain}", $"{name}.{mesh.Options.ClusterDomain}"];
        return System.Net.IPAddress.TryParse(name, out _)
            || forms.Any(form => mesh.Hosts.FindAll(form).Any())
            || routed.Any(host => HostIndex.Overlap(host, name));
    }

    private static string WithoutPort(string host)
    {
        int colon = host.LastIndexOf(':');
        return colon > 0 && host.AsSpan(colon + 1).IndexOfAnyExceptInRange('0', '9') < 0 ? host[..colon] : host;
    }

    private static IEnumerable<Field> Values(Field operation, params string[] keys) =>
        keys.SelectMany(key => operation[key].Items).Where(value => value.Text.Length > 0);
}
