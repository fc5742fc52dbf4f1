using Mesh.Api.Identity;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Relay;

namespace Mesh.Node.Proxy.Loops;

/// <summary>One connection on its way through the proxy, whatever path it takes: known from accept, ended once, with one reason.</summary>
/// <remarks>
/// A connection that policy guards registers what it was allowed to do before it is allowed (<see cref="Guard"/>), so that a change of
/// policy between the two cannot slip through. Lives on its loop.
/// </remarks>
internal abstract class ProxiedConnection : IRelayOwner
{
    private Workload? _guarded;
    private ConnectionFacts _facts;
    private PolicySet? _judgedBy;
    private RequestGate? _requests;
    private Workload? _counted;
    private bool _isPending = true;
    private bool _isStreamCounted;

    /// <param name="context">The loop it lives on.</param>
    /// <param name="pod">The pod whose capture or HBONE port it came through.</param>
    /// <param name="record">What is known of it.</param>
    protected ProxiedConnection(LoopContext context, EnrolledPod pod, ConnectionRecord record)
    {
        Context = context;
        Pod = pod;
        Record = record;
        RelayEnded = new Transport.EventLoops.LoopCompletion<RelayEnd>(context.Loop);
    }

    /// <summary>The pod whose listener accepted it.</summary>
    public EnrolledPod Pod { get; }

    /// <summary>The pod of this process that serves it, when there is one (same node).</summary>
    public EnrolledPod? ServingPod { get; private set; }

    /// <summary>What is known of it.</summary>
    public ConnectionRecord Record { get; }

    /// <summary>It came with the proxy's own mark, and so from nobody the proxy serves.</summary>
    public bool CarriesOwnMark { get; init; }

    protected LoopContext Context { get; }

    protected ProxyOptions Options => Context.Services.Options;

    protected Transport.EventLoops.LoopCompletion<RelayEnd> RelayEnded { get; }

    /// <summary>
    /// Takes the connection from accept to its end. Never throws: a fault of ours ends this connection, not its neighbours.
    /// </summary>
    public async Task RunAsync()
    {
        Context.Telemetry.Opened(Record);
        Context.Add(this);
        Context.Services.Limits.CountOpened();
        Pod.Limits.CountOpened();
        Pod.Limits.CountPending();
        try
        {
            if (FindRefusal() is CloseReason refusal)
            {
                Record.TryEnd(refusal);
                OnRefused();
            }
            else
            {
                await ProxyAsync();
            }
        }
#pragma warning disable CA1031 // Whatever it is, it concerns this connection; the log has it whole.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Log.ConnectionFaulted(Context.Services.Logger, Record.Id, fault);
            Record.TryEnd(CloseReason.InternalError, fault.Message);
        }

        Record.TryEnd(CloseReason.InternalError, "ended without a reason");
        CloseAll();
        if (_counted is not null)
        {
            Context.CountClosed(_counted);
        }

        Settle();
        if (ServingPod is not null && ServingPod != Pod)
        {
            ServingPod.Limits.CountClosed();
        }

        if (_isStreamCounted)
        {
            Pod.Limits.CountStreamClosed();
        }

        Pod.Limits.CountClosed();
        Context.Services.Limits.CountClosed();
        Context.Remove(this);
        Context.Telemetry.Closed(Record, Context.Loop.NowMs);
    }

    /// <summary>Ends the connection from outside, for a reason of ours. The first reason stands.</summary>
    public void Abort(CloseReason reason, string? detail)
    {
        if (Record.TryEnd(reason, detail))
        {
            OnAbort();
        }
    }

    /// <summary>Asks the other side to bring the connection to its end, where the protocol has a way to ask.</summary>
    public virtual void BeginDrain()
    {
    }

    /// <summary>
    /// Verifies the peer again after roots or revocation lists of its trust domain were replaced, where there is a TLS peer.
    /// </summary>
    public virtual void Recheck(TrustDomain domain, TlsTrust trust)
    {
    }

    /// <summary>Judges a guarded connection by a new configuration; ends it when it is denied now.</summary>
    public void Reevaluate(MeshSnapshot snapshot)
    {
        if (_guarded is null || Record.Reason != CloseReason.None)
        {
            return;
        }

        if (snapshot.FindWorkload(_guarded.Uid) is not Workload current)
        {
            // The destination is leaving the mesh. Its agent un-enrols it, which ends its connections in order.
            return;
        }

        if (ReferenceEquals(current, _guarded) && ReferenceEquals(snapshot.Policies, _judgedBy))
        {
            return;
        }

        _guarded = current;
        _judgedBy = snapshot.Policies;
        PolicyDecision decision = _requests is null
            ? PolicyEvaluator.Evaluate(snapshot, current, in _facts)
            : PolicyEvaluator.EvaluateForRequests(snapshot, current, in _facts);
        if (decision.Outcome == PolicyOutcome.Denied)
        {
            Abort(CloseReason.PolicyRevoked, PolicyText.Describe(decision));
        }
        else
        {
            _requests?.JudgeOpenAgain();
        }
    }

    void IRelayOwner.OnRelayEnded(RelayEnd end) => RelayEnded.TryComplete(end);

    /// <summary>Registers what the connection asks for, before it is judged.</summary>
    /// <param name="destination">The workload it is for.</param>
    /// <param name="facts">What is known of it.</param>
    /// <param name="judgedBy">What it is about to be judged by.</param>
    /// <param name="requests">What every request of it must pass; null where nobody will judge requests.</param>
    internal void Guard(Workload destination, in ConnectionFacts facts, PolicySet judgedBy, RequestGate? requests = null)
    {
        _requests = requests;
        _guarded = destination;
        _facts = facts;
        _judgedBy = judgedBy;
    }

    /// <summary>The path. Ends by <see cref="ConnectionRecord.TryEnd"/>; returning without a reason is a mistake of ours.</summary>
    protected abstract Task ProxyAsync();

    /// <summary>Tells the client, where the protocol has a way to, that the connection is refused before its path is entered.</summary>
    protected virtual void OnRefused()
    {
    }

    /// <summary>The connection waits for nothing any more: it is carried, or ends.</summary>
    protected void Settle()
    {
        if (_isPending)
        {
            _isPending = false;
            Pod.Limits.CountSettled();
        }
    }

    /// <summary>The connection becomes one of another pod of this node too, and counts towards its limits.</summary>
    /// <returns>False when that pod has as many as it may; the record has its reason.</returns>
    protected bool TryBeServedBy(EnrolledPod serving)
    {
        ServingPod = serving;
        if (serving == Pod)
        {
            return true;
        }

        serving.Limits.CountOpened();
        if (serving.Limits.IsOverLimit)
        {
            Record.TryEnd(CloseReason.WorkloadConnectionLimit, $"{serving.Identity} has as many as it may");
            return false;
        }

        return true;
    }

    /// <summary>The connection takes a stream of a tunnel, and counts towards its pod's streams until it ends.</summary>
    /// <returns>False when the pod has as many as it may; the record has its reason.</returns>
    protected bool TryCountStream()
    {
        _isStreamCounted = true;
        Pod.Limits.CountStreamOpened();
        if (Pod.Limits.IsOverStreamLimit)
        {
            Record.TryEnd(CloseReason.StreamLimit, $"{Pod.Identity} has as many streams as it may");
            return false;
        }

        return true;
    }

    /// <summary>Stops whatever is under way: a pending connect, a wait, the relay.</summary>
    protected abstract void OnAbort();

    /// <summary>Closes what is still open, with a reset, since an orderly end has closed it before. Called once, at the end.</summary>
    protected abstract void CloseAll();

    /// <summary>Counts the connection towards its endpoint until it ends, or goes to another.</summary>
    protected void CountTowards(Workload endpoint)
    {
        if (_counted is not null)
        {
            Context.CountClosed(_counted);
        }

        _counted = endpoint;
        Context.CountOpen(endpoint);
    }

    /// <summary>What a relay of this connection is held to: its pod's share of what all share.</summary>
    protected RelayLimits LimitsFor(TimeSpan idleLimit) => new(idleLimit)
    {
        HalfOpenLimit = TimeSpan.FromMilliseconds(Options.HalfOpenTimeoutMs),
        Pipes = Pod.Pipes,
        Buffers = Pod.Buffers,
    };

    /// <summary>The reason a relay's end stands for, where nothing of ours ended it.</summary>
    protected void EndBy(RelayEnd end) => Record.TryEnd(end switch
    {
        RelayEnd.Completed => CloseReason.Completed,
        RelayEnd.ClientBroken => CloseReason.ClientReset,
        RelayEnd.UpstreamBroken => CloseReason.UpstreamReset,
        RelayEnd.ClientUnresponsive => CloseReason.ClientUnresponsive,
        RelayEnd.UpstreamUnresponsive => CloseReason.UpstreamUnresponsive,
        RelayEnd.IdleTimeout => CloseReason.IdleTimeout,
        RelayEnd.HalfOpenTimeout => CloseReason.HalfOpenTimeout,
        RelayEnd.BufferLimit => CloseReason.BufferLimit,
        _ => CloseReason.InternalError,
    });

    /// <summary>The same for a relay whose one side is a stream: one that its tunnel took with it ends for the tunnel's reason.</summary>
    protected void EndBy(RelayEnd end, RelayEnd streamBroken, TunnelConnection tunnel)
    {
        if (end == streamBroken && tunnel.IsClosed)
        {
            Record.TryEnd(tunnel.StreamEnd.Reason, tunnel.StreamEnd.Detail);
        }
        else
        {
            EndBy(end);
        }
    }

    private CloseReason? FindRefusal()
    {
        if (CarriesOwnMark)
        {
            return CloseReason.OwnMarkRefused;
        }

        if (Context.Services.Limits.IsOverLimit)
        {
            return CloseReason.NodeConnectionLimit;
        }

        return Pod.Limits.IsOverLimit ? CloseReason.WorkloadConnectionLimit
            : Pod.Limits.IsOverPendingLimit ? CloseReason.PendingConnectLimit
            : null;
    }
}
