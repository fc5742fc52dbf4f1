using Mesh.Node.Model.Policies;

namespace Mesh.Node.Proxy.Enforcement;

/// <summary>A request that was let in and is not over, a WebSocket say. Lives on the loop of its connection.</summary>
internal interface IOpenRequest
{
    /// <summary>Asks the gate about the request once more, as it was asked at first.</summary>
    PolicyDecision JudgeAgain(RequestGate gate);

    /// <summary>The request is denied now, by a policy that changed. It ends; it may leave the gate before this returns.</summary>
    void Revoke(in PolicyDecision decision);
}
