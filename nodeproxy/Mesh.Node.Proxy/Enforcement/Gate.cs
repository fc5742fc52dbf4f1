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
    /// Registers the connection, then judges it. Waits a bounded time for a policy that is named and has not arrived, then refuses.
    /// </summary>
    /// <returns>True when it may go on; otherwise the record has its reason.</returns>
    public static async ValueTask<bool> AdmitAsync(
        LoopContext context, ProxiedConnection connection, Workload destination, ConnectionFacts facts, TimeSpan patience)
    {
        MeshSnapshot snapshot = context.Snapshot;
        connection.Guard(destination, in facts, snapshot.Policies);
        PolicyDecision decision = PolicyEvaluator.Evaluate(snapshot, destination, in facts);
        if (decision.Outcome == PolicyOutcome.Pending)
        {
            string uid = destination.Uid;
            bool decidable = await context.WaitForConfigurationAsync(
                newer => newer.FindWorkload(uid) is Workload current
                    && PolicyEvaluator.Evaluate(newer, current, in facts).Outcome != PolicyOutcome.Pending,
                patience);
            if (decidable)
            {
                snapshot = context.Snapshot;
                destination = snapshot.FindWorkload(uid) ?? destination;
                connection.Guard(destination, in facts, snapshot.Policies);
                decision = PolicyEvaluator.Evaluate(snapshot, destination, in facts);
            }
        }

        switch (decision.Outcome)
        {
            case PolicyOutcome.Allowed:
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
