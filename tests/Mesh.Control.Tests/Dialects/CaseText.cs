using System.Globalization;
using System.Text;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Status;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Tests.Dialects;

/// <summary>
/// What a case's objects come to, in few words, so that it can be written by hand before it is seen: traffic, subsets and who is in
/// them, policies, statuses and diagnostics. What has its default value is left out, and so is what the shared objects come to.
/// </summary>
internal static class CaseText
{
    public static string Of(TranslationResult result)
    {
        var text = new StringBuilder();
        foreach (ServiceTraffic traffic in result.Model.Traffic)
        {
            Append(text, traffic);
        }

        foreach (Workload workload in result.Model.Namespaces.Values.SelectMany(model => model.Workloads))
        {
            if (workload.Logging != default)
            {
                string what = $"client {workload.Logging.Client}, server {workload.Logging.Server}";
                Line(text, 0, $"{workload.Namespace}/{workload.Name} has its requests logged: {what}");
            }

            if (workload.IsRegistryOnly)
            {
                Line(text, 0, $"{workload.Namespace}/{workload.Name} is registry-only");
            }

            foreach (WorkloadService service in workload.Services.Where(service => !service.Subsets.IsEmpty))
            {
                Line(text, 0, $"{workload.Namespace}/{workload.Name} is in {string.Join(' ', service.Subsets)} of {Short(service.Service)}");
            }
        }

        ModelText.AppendPolicies(text, result.Model);
        foreach (ObjectStatus status in result.Statuses)
        {
            Line(text, 0, $"status of {status.Object} generation {status.ObservedGeneration}");
            foreach (ParentStatus parent in status.Parents)
            {
                Line(text, 1, $"{TextOf(parent.Parent)}: {string.Join(", ", parent.Conditions.Select(TextOf))}");
            }
        }

        foreach (Diagnostic diagnostic in result.Diagnostics)
        {
            string hint = diagnostic.Hint.Length == 0 ? "" : $" {diagnostic.Hint}";
            Line(text, 0, $"{diagnostic.Severity.ToString().ToLowerInvariant()} {diagnostic.Object} {diagnostic.Field}: {diagnostic.Reason}{hint}");
        }

        return text.ToString();
    }

    private static void Append(StringBuilder text, ServiceTraffic traffic)
    {
        Line(text, 0, Short(traffic.Service));
        foreach (TrafficScope scope in traffic.Scopes)
        {
            Line(text, 1, scope.ClientNamespace.Length == 0 ? "everyone" : $"clients of {scope.ClientNamespace}");
            foreach (PortRoutes port in scope.Ports)
            {
                foreach (Route route in port.Routes)
                {
                    Line(text, 2, $":{port.Port} {RouteWords.Of(route)}");
                }
            }

            foreach (PortConnections port in scope.Connections)
            {
                string which = port.CarriesRequests ? "anything said" : "connections";
                foreach (ConnectionRoute route in port.Routes)
                {
                    Line(text, 2, $":{port.Port} {which} {RouteWords.Of(route)}");
                }
            }

            Append(text, 2, "policy", scope.Policies);
            foreach (TrafficSubset subset in scope.Subsets)
            {
                Line(text, 2, $"subset {subset.Name} = {subset.Key}");
                Append(text, 3, "policy", subset.Policies);
            }
        }
    }

    private static void Append(StringBuilder text, int depth, string what, PortPolicies policies)
    {
        if (PolicyWords.Of(policies.Others) is { Length: > 0 } others)
        {
            Line(text, depth, $"{what} {others}");
        }

        foreach (PortPolicy port in policies.ByPort)
        {
            Line(text, depth, $"{what} :{port.Port} {PolicyWords.Of(port.Policy)}");
        }
    }

    public static string Short(ServiceKey service) => service.Hostname.Replace(".svc.cluster.local", "", StringComparison.Ordinal);

    private static string TextOf(ParentReference parent)
    {
        string port = parent.Port is { } number ? $":{number.ToString(CultureInfo.InvariantCulture)}" : "";
        string section = parent.SectionName is { } name ? $"#{name}" : "";
        return $"{parent.Kind} {(parent.Namespace is null ? "" : $"{parent.Namespace}/")}{parent.Name}{port}{section}";
    }

    private static string TextOf(StatusCondition condition) =>
        $"{condition.Type}={condition.IsTrue}/{condition.Reason}{(condition.IsTrue ? "" : $" ({condition.Message})")}";

    private static void Line(StringBuilder text, int depth, string line) => text.Append(' ', depth * 2).Append(line.TrimEnd()).Append('\n');
}
