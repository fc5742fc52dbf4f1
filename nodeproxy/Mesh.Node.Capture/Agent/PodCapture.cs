using System.Diagnostics;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Pods;
using Mesh.Node.Capture.Rules;

namespace Mesh.Node.Capture.Agent;

/// <summary>
/// Keeps one pod captured, from the moment a source names it until its rules are gone again. Everything is done by
/// <see cref="RunAsync"/>, one step at a time; other threads only say what is wanted and that something changed.
/// </summary>
/// <remarks>
/// 1. Rules are applied and read back. 2. The pod is offered to the proxy. 3. The proxy's Ack means that its listeners are open.
/// 4. From then on the rules are read back now and then, and repaired. On the way out: 1. new connections are left alone, 2. captured
/// ones may finish, 3. the proxy is told to let go, 4. the rules are removed. Nothing is remembered beyond the process: what is in the
/// namespace is the truth, so a restarted agent finds its rules right and changes nothing.
/// </remarks>
internal sealed partial class PodCapture
{
    private static readonly TimeSpan s_retryFirst = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_retryLast = TimeSpan.FromSeconds(15);

    // A proxy that is killed disappears from the socket a moment before or after its listeners do.
    private static readonly TimeSpan s_watchFor = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_watchEvery = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromMilliseconds(250);
    // A pod that has not begun is looked for this often at least: until it is found, what it runs is not captured.
    private static readonly TimeSpan s_startLook = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_leaveLook = TimeSpan.FromMilliseconds(100);

    private readonly AgentServices _services;
    private readonly WakeSignal _wake = new();
    private readonly TaskCompletionSource _looked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Written by others, read by RunAsync. Null: the pod is to leave.
    private volatile PodSpec? _wanted;
    private volatile bool _isVerificationDue;
    private volatile bool _hasProxyChanged;

    // Written by RunAsync, read by any thread.
    private volatile PodReport _report;

    // All of the following belong to RunAsync.
    private PodSpec _spec;
    private PodSpec? _offeredSpec;
    private NetNamespace? _network;

    // What the rules were last made or found to be, and for which pod: a difference from it is not our doing.
    private CapturePlan? _applied;
    private PodSpec? _appliedSpec;
    private CapturePlanner? _appliedBy;
    private CapturePlanner? _planner;
    private string? _annotationErrors;
    private bool _wasCaptured;

    public PodCapture(PodSpec spec, AgentServices services)
    {
        _spec = spec;
        _wanted = spec;
        _services = services;
        _report = new PodReport { Uid = spec.Uid, Pod = spec.DisplayName, Condition = PodCondition.Enrolling };
    }

    /// <summary>What there is to say of the pod. Any thread.</summary>
    public PodReport Report => _report;

    /// <summary>What the pod is to be; null: it leaves, or has left. Any thread.</summary>
    public PodSpec? Wanted => _wanted;

    /// <summary>Done when the pod has been offered to the proxy, or is known to be there although it cannot be offered.</summary>
    public Task Looked => _looked.Task;

    /// <summary>What the pod is to be from now on; null: it leaves. Any thread.</summary>
    public void Want(PodSpec? spec)
    {
        if (spec is not null)
        {
            _isEnding = false;
        }

        _wanted = spec;
        _wake.Set();
    }

    /// <summary>A proxy came, went or answered. Any thread.</summary>
    public void OnProxyChanged()
    {
        _hasProxyChanged = true;
        _wake.Set();
    }

    /// <summary>Runs until the pod has left, or the agent stops, which leaves everything as it is.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        TimeSpan retry = s_retryFirst;
        try
        {
            while (true)
            {
                if (_wanted is PodSpec wanted)
                {
                    _spec = wanted;
                }
                else if (await LeaveAsync(cancellation))
                {
                    return;
                }
                else
                {
                    continue;
                }

                try
                {
                    long began = _services.Time.GetTimestamp();
                    await EnsureAsync(cancellation);
                    _services.Metrics.Reconciled(_services.Time.GetElapsedTime(began));
                    retry = s_retryFirst;
                    await RestAsync(cancellation);
                }
                catch (PodNotStartedException)
                {
                    ReportNotStarted();
                    await _wake.WaitAsync(retry, _services.Time, cancellation);
                    retry = retry * 2 < s_startLook ? retry * 2 : s_startLook;
                }
                catch (Exception wrong) when (wrong is CaptureException or PosixException)
                {
                    _services.Metrics.ReconcileFailed();
                    ReportWrong(wrong.Message, retry);
                    await _wake.WaitAsync(retry, _services.Time, cancellation);
                    retry = retry * 2 < s_retryLast ? retry * 2 : s_retryLast;
                }
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // An agent that stops leaves pods captured: it is being replaced, or will be back.
        }
        finally
        {
            _looked.TrySetResult();
            CloseNamespace();
        }
    }

    /// <summary>Makes the rules right and the pod known to the proxy.</summary>
    private async Task EnsureAsync(CancellationToken cancellation)
    {
        // In this order: who asks in between has this turn look, or the next.
        _isVerificationDue = false;
        _turn++;
        NetNamespace network = OpenNamespace();
        CapturePlan plan = PlanFor(network);
        await _services.Turn.WaitAsync(cancellation);
        try
        {
            IReadOnlyList<string> differences = await _services.Rules.CompareAsync(network, plan, cancellation);
            if (differences.Count > 0)
            {
                await _services.Rules.ApplyAsync(network, plan, cancellation);
                if (ReferenceEquals(_appliedSpec, _spec) && ReferenceEquals(_appliedBy, _planner) && _applied?.Stage == plan.Stage)
                {
                    ReportRepair(differences);
                }
            }

            _applied = plan;
            _appliedSpec = _spec;
            _appliedBy = _planner;
        }
        finally
        {
            _services.Turn.Release();
        }

        if (_offeredSpec is null || !_offeredSpec.Says(_spec))
        {
            Offer(network, plan);
        }

        _looked.TrySetResult();
        ReportState(verified: true);
    }

    /// <summary>Until something is to be done again: what is wanted changed, or the rules are due to be read back.</summary>
    private async Task RestAsync(CancellationToken cancellation)
    {
        TimeSpan interval = TimeSpan.FromSeconds(_services.Options.VerifyIntervalSeconds);
        long rested = _services.Time.GetTimestamp();
        while (!_isVerificationDue && ReferenceEquals(_wanted, _spec) && _services.Time.GetElapsedTime(rested) < interval)
        {
            TimeSpan rest = interval - _services.Time.GetElapsedTime(rested);
            if (_hasProxyChanged)
            {
                _hasProxyChanged = false;
                if (!await FollowProxyAsync(cancellation))
                {
                    // A proxy that drains may close its listeners long after it left the socket.
                    _hasProxyChanged = true;
                    rest = rest < s_lookAgain ? rest : s_lookAgain;
                }

                ReportState(verified: false);
            }

            await _wake.WaitAsync(rest, _services.Time, cancellation);
        }
    }

    /// <summary>
    /// Where the rules do not refuse by themselves, lets them refuse while nobody listens, and capture while somebody does.
    /// </summary>
    /// <returns>Whether the proxy's word and the namespace agree on that; otherwise one of them is about to change.</returns>
    private async Task<bool> FollowProxyAsync(CancellationToken cancellation)
    {
        if (_network is not NetNamespace network || _applied is not CapturePlan applied || _services.Rules.RefusesByItself(applied.Mode))
        {
            return true;
        }

        long began = _services.Time.GetTimestamp();
        while (true)
        {
            CapturePlan plan = applied with { Stage = StageFor(network, applied.Mode) };
            if (plan.Stage != applied.Stage)
            {
                await SwitchStageAsync(network, plan, cancellation);
                _applied = applied = plan;
                if (plan.Stage == CaptureStage.Refusing)
                {
                    Log.PodRefusing(_services.Logger, _spec.DisplayName, _spec.Uid);
                }
            }

            bool agrees = (plan.Stage == CaptureStage.Capturing) == _services.Server.ServingOf(_spec.Uid).IsServed;
            if (agrees || _services.Time.GetElapsedTime(began) >= s_watchFor || !ReferenceEquals(_wanted, _spec))
            {
                return agrees;
            }

            await Task.Delay(s_watchEvery, _services.Time, cancellation);
        }
    }

    private async Task SwitchStageAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation)
    {
        await _services.Turn.WaitAsync(cancellation);
        try
        {
            await _services.Rules.SwitchStageAsync(network, plan, cancellation);
        }
        finally
        {
            _services.Turn.Release();
        }
    }

    /// <returns>Whether it has left; false when it is wanted again.</returns>
    private async Task<bool> LeaveAsync(CancellationToken cancellation)
    {
        SetReport(_report with { Condition = PodCondition.Leaving, Problems = [] });
        if (_network is NetNamespace network && _applied is CapturePlan applied)
        {
            try
            {
                CapturePlan draining = applied with { Stage = CaptureStage.Draining };
                await _services.Rules.ApplyAsync(network, draining, cancellation);
                _applied = draining;
                if (!await DrainAsync(network, cancellation))
                {
                    return false;
                }
            }
            catch (Exception wrong) when (wrong is CaptureException or PosixException)
            {
                Log.RemovalFailed(_services.Logger, _spec.DisplayName, _spec.Uid, wrong.Message);
            }
        }

        await _services.Server.WithdrawAsync(_spec.Uid);
        _offeredSpec = null;
        if (_wanted is not null)
        {
            return false;
        }

        await RemoveRulesAsync(cancellation);
        Log.PodLeft(_services.Logger, _spec.DisplayName, _spec.Uid);
        return true;
    }

    /// <summary>Lets captured connections finish, unless the pod itself is gone.</summary>
    /// <returns>False when the pod is wanted again.</returns>
    private async Task<bool> DrainAsync(NetNamespace network, CancellationToken cancellation)
    {
        TimeSpan limit = TimeSpan.FromSeconds(_services.Options.DrainSeconds);
        long began = _services.Time.GetTimestamp();
        while (!_isEnding && _services.Time.GetElapsedTime(began) < limit && IsStillThere(network))
        {
            if (_wanted is not null)
            {
                return false;
            }

            await _wake.WaitAsync(s_leaveLook, _services.Time, cancellation);
        }

        return true;
    }

    private async Task RemoveRulesAsync(CancellationToken cancellation)
    {
        // An agent that was restarted while the pod left never opened it; what an earlier one left is still to be removed.
        try
        {
            NetNamespace network = _network ?? OpenNamespace();
            await _services.Rules.RemoveAsync(network, cancellation);
        }
        catch (PodNotStartedException)
        {
            // Nothing of it runs, so there is nowhere anything could have been left.
        }
        catch (Exception wrong) when (wrong is CaptureException or PosixException)
        {
            Log.RemovalFailed(_services.Logger, _spec.DisplayName, _spec.Uid, wrong.Message);
        }
    }

    private NetNamespace OpenNamespace()
    {
        NetNamespace opened = _spec.OpenNetwork();
        if (_network is not null && _network.Id == opened.Id)
        {
            opened.Dispose();
            return _network;
        }

        // The sandbox was made anew, or this is the first time.
        if (opened.Id == _services.OwnNamespace)
        {
            opened.Dispose();
            throw new CaptureException($"{_spec.NetworkNamespace} is the node's own network: pods on the host network cannot be captured.");
        }

        if (_services.Owners.TryTake(opened.Id, _spec.Uid) is string owner)
        {
            opened.Dispose();
            throw new CaptureException($"{_spec.NetworkNamespace} is the namespace of the pod with uid {owner} too.");
        }

        CloseNamespace();
        _network = opened;
        return opened;
    }

    private void CloseNamespace()
    {
        if (_network is not null)
        {
            _services.Owners.Release(_network.Id, _spec.Uid);
            _network.Dispose();
            _network = null;
        }

        _applied = null;
        _appliedSpec = null;
        _offeredSpec = null;
    }

    private bool IsStillThere(NetNamespace network)
    {
        try
        {
            using NetNamespace current = _spec.OpenNetwork();
            return current.Id == network.Id;
        }
        catch (Exception gone) when (gone is PosixException or CaptureException or PodNotStartedException)
        {
            return false;
        }
    }

    private CapturePlan PlanFor(NetNamespace network)
    {
        _planner = _services.Planner();
        CapturePlan plan = _planner.Plan(_spec.Annotations, out IReadOnlyList<string> errors);
        string? found = errors.Count > 0 ? string.Join("; ", errors) : null;
        if (found is not null && found != _annotationErrors)
        {
            Log.AnnotationsWrong(_services.Logger, _spec.DisplayName, _spec.Uid, found);
        }

        _annotationErrors = found;
        return plan with
        {
            CapturesDns = plan.CapturesDns && _services.Rules.DnsObstacle is null,
            Stage = StageFor(network, plan.Mode),
        };
    }

    private CaptureStage StageFor(NetNamespace network, CaptureMode mode) =>
        _services.Rules.RefusesByItself(mode) || ListenerProbe.IsListening(network) ? CaptureStage.Capturing : CaptureStage.Refusing;

    private void Offer(NetNamespace network, CapturePlan plan)
    {
        PodDetails details = new(
            _spec.Addresses,
            _services.NodeAddresses.Current,
            _spec.Probes,
            plan.Mode,
            _spec.Annotations.Where(entry => CaptureAnnotations.IsRelevant(entry.Key)).ToDictionary(StringComparer.Ordinal));
        _services.Server.Offer(new PodOffer(Announce(details), network));
        _offeredSpec = _spec;
    }

    private PodAnnouncement Announce(PodDetails? details) => new(_spec.Uid, _spec.Name, _spec.Namespace, _spec.ServiceAccount, details);

    private void ReportRepair(IReadOnlyList<string> differences)
    {
        _services.Metrics.Repaired();
        Log.PodRepaired(_services.Logger, _spec.DisplayName, _spec.Uid, string.Join("; ", differences));
        SetReport(_report with { LastDrift = differences, Repairs = _report.Repairs + 1 });
    }

    private void ReportState(bool verified)
    {
        Debug.Assert(_applied is not null, "There is a plan once rules have been applied.");
        PodServing serving = _services.Server.ServingOf(_spec.Uid);
        List<string> problems = [];
        if (_annotationErrors is not null)
        {
            problems.Add($"annotations: {_annotationErrors}");
        }

        if (serving.Error is not null)
        {
            problems.Add(serving.Error);
        }

        if (!_wasCaptured && serving.IsServed)
        {
            _wasCaptured = true;
            Log.PodCaptured(_services.Logger, _spec.DisplayName, _spec.Uid, _applied.Mode);
        }

        SetReport(_report with
        {
            Pod = _spec.DisplayName,
            Condition = serving.IsServed ? PodCondition.Captured : PodCondition.WaitingForProxy,
            Mode = _applied.Mode,
            Problems = problems,
            VerifiedAt = verified ? _services.Time.GetUtcNow() : _report.VerifiedAt,
        });
        SayServed(serving.IsServed && _applied.Stage == CaptureStage.Capturing, problems);
    }

    private void ReportWrong(string reason, TimeSpan delay)
    {
        if (_report.Condition != PodCondition.Wrong || !_report.Problems.SequenceEqual([reason]))
        {
            Log.PodWrong(_services.Logger, _spec.DisplayName, _spec.Uid, reason, delay);
        }

        KeepAtProxy();
        SetReport(_report with { Condition = PodCondition.Wrong, Problems = [reason] });
        SayWrong(reason);
    }

    private void ReportNotStarted()
    {
        KeepAtProxy();
        if (_report.Condition != PodCondition.Enrolling)
        {
            SetReport(_report with { Condition = PodCondition.Enrolling, Problems = [] });
        }
    }

    /// <summary>A proxy that serves it from before must not take our silence for its end.</summary>
    private void KeepAtProxy()
    {
        if (_offeredSpec is null)
        {
            _services.Server.Offer(new PodOffer(Announce(null), null));
        }

        _looked.TrySetResult();
    }

    private void SetReport(PodReport report)
    {
        _report = report;
        _services.OnReportChanged();
    }
}
