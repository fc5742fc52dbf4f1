using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Enforcement;

/// <summary>Decides, at the destination, whether a connection may go on; the same for HBONE, plaintext and same-node connections.</summary>
internal static class Gate
{
    /// <summary>
    /// Registers a connection inside which nobody will judge requests, then judges it. Waits a bounded time for a policy that is named and
    /// has not arrived, then refuses.
    /// </summary>
    /// <returns>True when it may go on; otherwise the record has its reason.</returns>
    public static ValueTask<bool> AdmitAsync(
        LoopContext context, ProxiedConnection connection, Workload destination, ConnectionFacts facts, TimeSpan patience) =>
        AdmitAsync(context, connection, destination, facts, patience, requests: null);

    /// <summary>
    /// Registers a connection every request of which will be judged, then judges it: what depends on requests may go on too. Waits as
    /// <see cref="AdmitAsync(LoopContext, ProxiedConnection, Workload, ConnectionFacts, TimeSpan)"/> does.
    /// </summary>
    /// <returns>What every request must pass; null when the connection is refused, and the record has its reason.</returns>
    public static async ValueTask<RequestGate?> AdmitForRequestsAsync(
        LoopContext context, ProxiedConnection connection, Workload destination, ConnectionFacts facts, TimeSpan patience)
    {
        var requests = new RequestGate(context.Services.Configuration, destination, in facts, context.Services.RateLimiters);
        return await AdmitAsync(context, connection, destination, facts, patience, requests) ? requests : null;
    }

    /// <summary>
    /// Judges a connection again that was admitted for its requests and has turned out to carry none that can be read: from now on what a
    /// rule asks of requests is taken strictly. Falling back is no escape.
    /// </summary>
    /// <param name="context">The loop.</param>
    /// <param name="connection">What was admitted.</param>
    /// <param name="destination">The workload it is for.</param>
    /// <param name="facts">What is known of it, the server name of its TLS included.</param>
    /// <param name="patience">How long to wait for a policy that is not there yet.</param>
    /// <returns>True when it may go on; otherwise the record has its reason.</returns>
    public static ValueTask<bool> AdmitUnreadAsync(
        LoopContext context, ProxiedConnection connection, Workload destination, ConnectionFacts facts, TimeSpan patience) =>
        AdmitAsync(context, connection, context.Snapshot.FindWorkload(destination.Uid) ?? destination, facts, patience, requests: null);

    private static async ValueTask<bool> AdmitAsync(
        LoopContext context,
        ProxiedConnection connection,
        Workload destination,
        ConnectionFacts facts,
        TimeSpan patience,
        RequestGate? requests)
    {
        bool judgesRequests = requests is not null;
        MeshSnapshot snapshot = context.Snapshot;
        connection.Guard(destination, in facts, snapshot.Policies, requests);
        PolicyDecision decision = Judge(snapshot, destination, in facts, judgesRequests);
        if (decision.Outcome == PolicyOutcome.Pending)
        {
            string uid = destination.Uid;
            bool decidable = await context.WaitForConfigurationAsync(
                newer => newer.FindWorkload(uid) is Workload current
                    && Judge(newer, current, in facts, judgesRequests).Outcome != PolicyOutcome.Pending,
                patience);
            if (decidable)
            {
                snapshot = context.Snapshot;
                destination = snapshot.FindWorkload(uid) ?? destination;
                connection.Guard(destination, in facts, snapshot.Policies, requests);
                decision = Judge(snapshot, destination, in facts, judgesRequests);
            }
        }

        return End(context, connection, decision, isUnread: !judgesRequests);
    }

    private static PolicyDecision Judge(MeshSnapshot snapshot, Workload destination, in ConnectionFacts facts, bool judgesRequests) =>
        judgesRequests
            ? PolicyEvaluator.EvaluateForRequests(snapshot, destination, in facts)
            : PolicyEvaluator.Evaluate(snapshot, destination, in facts);

    /// <param name="context">The loop.</param>
    /// <param name="connection">What was judged.</param>
    /// <param name="decision">What policy says.</param>
    /// <param name="isUnread">Its bytes are judged, once and for all; otherwise each request says what a dry run comes to.</param>
    private static bool End(LoopContext context, ProxiedConnection connection, in PolicyDecision decision, bool isUnread)
    {
        if (isUnread && PolicyText.DryRunOf(in decision) is DryRunResult result)
        {
            context.Telemetry.DryRun(result);
            connection.Record.DryRun = DryRunResults.Describe(result, decision.DryRunDecidedBy);
        }

        switch (decision.Outcome)
        {
            // Only a connection whose requests will be judged is told that it depends on them.
            case PolicyOutcome.Allowed or PolicyOutcome.Depends:
                // A change may have ended it while it waited.
                return connection.Record.Reason == CloseReason.None;
            case PolicyOutcome.Pending:
                connection.Record.TryEnd(CloseReason.PolicyNotLoaded, PolicyText.Describe(decision));
                return false;
            default:
                connection.Record.TryEnd(CloseReason.PolicyDenied, PolicyText.Describe(decision));
                return false;
        }
    }
}
