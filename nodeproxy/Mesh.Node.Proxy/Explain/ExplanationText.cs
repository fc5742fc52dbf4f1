using System.Globalization;
using System.Text;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Explain;

/// <summary>An explanation as people read it, in the order in which things are decided.</summary>
internal static class ExplanationText
{
    public static string Write(Explanation explanation)
    {
        var text = new StringBuilder();
        ExplainQuestion question = explanation.Question;
        Line(text, 0, $"{question.Method} {question.Authority}{question.Path}");
        Line(text, 0, $"from      {explanation.Source.Namespace}/{explanation.Source.Name}, {explanation.Source.Identity}");
        Line(text, 0, explanation.Service is null
            ? (FormattableString)$"to        {question.Host}:{question.Port}"
            : $"to        {question.Host}:{question.Port}, service {explanation.Service.Key}, port declared {explanation.Protocol}");
        if (explanation.Unread is string unread)
        {
            Line(text, 0, $"routing   none: {unread}");
        }
        else
        {
            WriteRoute(text, explanation);
        }

        if (explanation.Answer is ExplainedAnswer answer)
        {
            Line(text, 0, $"answer    {answer.Status} by the proxy, {ResponseFlagTexts.Of(answer.Flags)}, {answer.Details}: {answer.Text}");
        }

        foreach (ExplainedDestination destination in explanation.Destinations)
        {
            WriteDestination(text, destination);
        }

        return text.ToString();
    }

    private static void WriteRoute(StringBuilder text, Explanation explanation)
    {
        foreach (PassedRoute passed in explanation.Passed)
        {
            Line(text, 0, $"not       {passed.Name}: {string.Join("; ", passed.Reasons)}");
        }

        if (explanation.Route is not Route route)
        {
            if (explanation.Answer is null)
            {
                Line(text, 0, $"routing   nothing is said of this service's requests: they go to it");
            }

            return;
        }

        string why = explanation.Match is RouteMatch match ? string.Join(", ", RouteConditions.Of(match)) : "it asks for nothing";
        Line(text, 0, $"route     {route.Name}: {why}");
        if (route.Action is ForwardAction forward)
        {
            string timeout = forward.Timeout is TimeSpan limit
                ? string.Create(CultureInfo.InvariantCulture, $"{limit.TotalSeconds:0.###} s")
                : "none";
            Line(text, 10, $"time limit {timeout}, retries {forward.Retries.Retries}");
            if (forward.Fault?.Delay is FaultDelay delay)
            {
                Line(text, 10, $"of {delay.Share} delayed by {delay.Duration.TotalSeconds:0.###} s");
            }

            if (forward.Fault?.Abort is FaultAbort abort)
            {
                Line(text, 10, $"of {abort.Share} answered with a fault");
            }
        }
    }

    private static void WriteDestination(StringBuilder text, ExplainedDestination destination)
    {
        string name = destination.ServiceKey.Length == 0 ? "the address itself" : $"{destination.ServiceKey}:{destination.Port}";
        string subset = destination.Subset.Length == 0 ? "" : $", subset {destination.Subset}";
        Line(text, 0, $"{destination.Share,8:0.00%}  {name}{subset}");
        Line(text, 10, $"sent as {destination.Sent.Method} {destination.Sent.Authority}{destination.Sent.Path}");
        if (destination.Endpoints.IsEmpty)
        {
            Line(text, 10, $"no endpoint: {Words(destination.Status)}");
        }

        foreach (ExplainedEndpoint endpoint in destination.Endpoints)
        {
            string ejected = endpoint.IsEjected ? ", ejected for now" : "";
            string way = endpoint.IsMutualTls ? "mutual TLS" : "plaintext: outside the mesh";
            string verdict = endpoint.Decision is PolicyDecision decision ? VerdictOf(in decision) : "nobody judges";
            Line(text, 10, $"{endpoint.Workload.Namespace}/{endpoint.Workload.Name} {endpoint.Address}, {way}{ejected}: {verdict}");
            foreach (CompiledRateLimit limit in endpoint.Limits)
            {
                Line(text, 12, $"counts towards {TextOf(limit)}");
            }
        }
    }

    /// <summary>What policies say, and by which rule.</summary>
    internal static string VerdictOf(in PolicyDecision decision) => decision switch
    {
        { Reason: PolicyReason.AllowRuleMatched } => $"allowed by {decision.DecidedBy}",
        { Outcome: PolicyOutcome.Depends, Reason: PolicyReason.AuthorizerNotAsked } =>
            $"asks the authorizer '{decision.DecidedBy.Policy?.Provider}' by {decision.DecidedBy}, and is allowed if that allows it",
        { Reason: PolicyReason.NoAllowPolicyApplies } => "allowed: no ALLOW policy applies to it",
        _ => PolicyText.Describe(in decision),
    };

    /// <summary>A limit, and where it stands.</summary>
    internal static string TextOf(CompiledRateLimit limit)
    {
        string whose = limit.Limit.IsByClient ? ", of each client" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{limit.Name}: {limit.Limit.Requests} in {limit.Limit.Interval.TotalSeconds:0.###} s, {limit.Limit.Burst} at once{whose}");
    }

    internal static string Words(EndpointStatus status) => status switch
    {
        EndpointStatus.UnknownService => "the service is not known",
        EndpointStatus.UnknownPort => "the service does not declare the port",
        EndpointStatus.UnknownSubset => "nobody has said which endpoints the subset is",
        EndpointStatus.NoEndpoint => "none serves the port",
        EndpointStatus.NoHealthyEndpoint => "none is healthy",
        EndpointStatus.NoEndpointInScope => "none is where the service demands",
        EndpointStatus.UnreachableNetwork => "all are in networks there is no way to",
        EndpointStatus.BehindNetworkGateway => "all are behind another network's gateway",
        EndpointStatus.NeedsResolution => "no address of its name has been found",
        EndpointStatus.Passthrough => "the address the client dialled",
        _ => "picked",
    };

    private static void Line(StringBuilder text, int indent, FormattableString line) =>
        text.Append(' ', indent).Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
