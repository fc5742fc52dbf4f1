using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Enforcement.Limits;
using Mesh.Node.Proxy.Loops;

namespace Mesh.Node.Proxy.Enforcement;

/// <summary>
/// Decides, at the destination, whether the requests of one connection may go on, and decides those that are open again when a policy
/// changes. Made by <see cref="Gate.AdmitForRequestsAsync"/>. Lives on the connection's loop; judging allocates nothing.
/// </summary>
/// <remarks>
/// A request that is denied is answered with 403 and <see cref="DeniedText"/>, which names nothing; <see cref="PolicyText"/> says to the
/// operator which policy and rule it was.
/// </remarks>
internal sealed class RequestGate
{
    private readonly IConfigurationReader _configuration;
    private readonly ConnectionFacts _facts;
    private readonly HashSet<IOpenRequest> _open = [];
    private readonly RequestLimits _limits;
    private Workload _destination;
    private MeshSnapshot _judgedBy = MeshSnapshot.Empty;
    private PolicyDecision? _ofAll;
    private TokenRules _tokenRules = TokenRules.Empty;
    private bool _isPending;
    private bool _asksAuthorizers;

    /// <param name="configuration">What is in force.</param>
    /// <param name="destination">The workload the requests are for.</param>
    /// <param name="facts">The connection they come on.</param>
    /// <param name="limiters">What has been asked of the node's workloads by their limits.</param>
    public RequestGate(IConfigurationReader configuration, Workload destination, in ConnectionFacts facts, RateLimiters limiters)
    {
        _configuration = configuration;
        _limits = new RequestLimits(limiters);
        _destination = destination;
        _facts = facts;
    }

    /// <summary>All that a client is told of a denial.</summary>
    public static ReadOnlySpan<byte> DeniedText => "RBAC: access denied"u8;

    /// <summary>The connection the requests come on.</summary>
    public ref readonly ConnectionFacts Facts => ref _facts;

    /// <summary>Whose tokens the requests may bear, by what is in force now.</summary>
    public TokenRules TokenRules
    {
        get
        {
            Refresh();
            return _tokenRules;
        }
    }

    /// <summary>Something that could decide has not arrived.</summary>
    public bool IsPending
    {
        get
        {
            Refresh();
            return _isPending;
        }
    }

    /// <summary>Some policy has an authorizer asked about requests.</summary>
    public bool AsksAuthorizers
    {
        get
        {
            Refresh();
            return _asksAuthorizers;
        }
    }

    /// <summary>Finds a policy that has an authorizer asked about a request which has not allowed it yet; null for none.</summary>
    /// <param name="request">The request as it will be forwarded.</param>
    /// <param name="allowedBy">The authorizers that have allowed it.</param>
    public PolicyRuleName? FindUnasked<TRequest>(scoped ref readonly TRequest request, AuthorizerAnswers allowedBy)
        where TRequest : IRequestFacts, allows ref struct =>
        PolicyEvaluator.FindUnasked(Refresh(), _destination, in _facts, in request, allowedBy);

    /// <summary>
    /// Decides one request by what is in force now. A decision that is pending lets nothing through: wait
    /// (<see cref="WaitUntilDecidableAsync"/>) and ask again, or refuse.
    /// </summary>
    /// <param name="origin">Who asks, beyond what the connection says.</param>
    /// <param name="request">The request as it will be forwarded, its path normalised.</param>
    /// <param name="allowedBy">The authorizers that have allowed it; null where none was asked.</param>
    public PolicyDecision Judge<TRequest>(
        in RequestOrigin origin, scoped ref readonly TRequest request, AuthorizerAnswers? allowedBy = null)
        where TRequest : IRequestFacts, allows ref struct
    {
        MeshSnapshot snapshot = Refresh();
        return _ofAll ?? PolicyEvaluator.Evaluate(snapshot, _destination, in _facts, in origin, in request, allowedBy);
    }

    /// <summary>
    /// Takes the allowance of a request that policy allows; false when a limit of the workload has none left for it.
    /// </summary>
    public bool TryTake<TRequest>(in RequestOrigin origin, scoped ref readonly TRequest request)
        where TRequest : IRequestFacts, allows ref struct
    {
        Refresh();
        return _limits.IsEmpty || _limits.TryTake(in _facts, in origin, in request);
    }

    /// <summary>Waits until no policy is missing any more; false when the time limit came first.</summary>
    public ValueTask<bool> WaitUntilDecidableAsync(LoopContext context, TimeSpan timeLimit)
    {
        string uid = _destination.Uid;
        return context.WaitForConfigurationAsync(
            newer => newer.FindWorkload(uid) is Workload current
                && PolicyEvaluator.EvaluateForRequests(newer, current, in _facts).Outcome != PolicyOutcome.Pending,
            timeLimit);
    }

    /// <summary>Whether requests are under way.</summary>
    public bool HasOpen => _open.Count > 0;

    /// <summary>A request is under way. To be said before it is judged, so that a change in between cannot slip through.</summary>
    public void Enter(IOpenRequest request) => _open.Add(request);

    /// <summary>The request is over.</summary>
    public void Leave(IOpenRequest request) => _open.Remove(request);

    /// <summary>Judges every open request by the configuration in force; those it denies now end.</summary>
    public void JudgeOpenAgain()
    {
        if (_open.Count == 0)
        {
            return;
        }

        // A copy, because a request that ends leaves.
        foreach (IOpenRequest request in _open.ToArray())
        {
            // What ended another may have ended this one too.
            if (_open.Contains(request) && request.JudgeAgain(this) is { Outcome: PolicyOutcome.Denied } decision)
            {
                request.Revoke(in decision);
            }
        }
    }

    private MeshSnapshot Refresh()
    {
        MeshSnapshot snapshot = _configuration.Current;
        if (!ReferenceEquals(snapshot, _judgedBy))
        {
            Renew(snapshot);
        }

        return snapshot;
    }

    private void Renew(MeshSnapshot snapshot)
    {
        // One that is leaving the mesh is judged as it last was: its agent un-enrols it, which ends its connections in order.
        _destination = snapshot.FindWorkload(_destination.Uid) ?? _destination;
        _judgedBy = snapshot;
        _tokenRules = PolicyEvaluator.TokenRulesOf(snapshot, _destination);
        _limits.Renew(snapshot, _destination, in _facts);
        _isPending = PolicyEvaluator.EvaluateForRequests(snapshot, _destination, in _facts).Outcome == PolicyOutcome.Pending;
        _asksAuthorizers = PolicyEvaluator.AsksAuthorizers(snapshot, _destination);
        _ofAll = PolicyEvaluator.AsksRequests(snapshot, _destination)
            ? null
            : PolicyEvaluator.Evaluate(snapshot, _destination, in _facts);
    }
}
