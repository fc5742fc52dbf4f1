using System.Diagnostics;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Relay;

/// <summary>Moves bytes between two channels of one loop until both directions have ended.</summary>
/// <remarks>
/// Each direction ends on its own: the end of one side's input becomes FIN on the other, and the opposite direction goes on
/// (half-close). A broken side resets the other, so that nobody mistakes a cut stream for a whole one. Backpressure: a direction whose
/// target takes no more stops reading its source.
/// </remarks>
public sealed class ChannelRelay : ITimerHandler
{
    private readonly ByteChannel _client;
    private readonly ByteChannel _upstream;
    private readonly IRelayOwner _owner;
    private readonly RelayDirection _toUpstream;
    private readonly RelayDirection _toClient;
    private readonly LoopTimer _idle;
    private bool _isHalfOpen;
    private bool _ended;

    /// <summary>Nothing moves before <see cref="Start"/>.</summary>
    public ChannelRelay(ByteChannel client, ByteChannel upstream, RelayLimits limits, IRelayMeter meter, IRelayOwner owner)
    {
        Debug.Assert(client.Loop == upstream.Loop, "A connection stays on its loop.");
        _client = client;
        _upstream = upstream;
        Limits = limits;
        Meter = meter;
        _owner = owner;
        _toUpstream = new RelayDirection(this, client, upstream, isTowardsUpstream: true);
        _toClient = new RelayDirection(this, upstream, client, isTowardsUpstream: false);
        _idle = new LoopTimer(client.Loop, this);
    }

    internal RelayLimits Limits { get; }

    internal IRelayMeter Meter { get; }

    internal bool HasEnded => _ended;

    /// <summary>Takes over both channels and moves what is already there.</summary>
    public void Start()
    {
        _client.Events = new RelaySide(this, _client, _toUpstream, _toClient);
        _upstream.Events = new RelaySide(this, _upstream, _toClient, _toUpstream);
        _idle.Arm(Limits.IdleLimit);
        _toUpstream.Pump();
        if (!_ended)
        {
            _toClient.Pump();
        }
    }

    /// <summary>Resets both sides now; the owner is told <see cref="RelayEnd.Aborted"/>.</summary>
    public void Abort() => End(RelayEnd.Aborted);

    internal void OnDirectionFinished()
    {
        if (_toUpstream.IsFinished && _toClient.IsFinished)
        {
            End(RelayEnd.Completed);
        }
        else if (!_ended)
        {
            _isHalfOpen = true;
            _idle.Arm(Limits.LimitOf(isHalfOpen: true));
        }
    }

    internal void OnChannelBroken(ByteChannel broken, Errno error) => End((broken == _client, error == Errno.ETIMEDOUT) switch
    {
        (true, false) => RelayEnd.ClientBroken,
        (true, true) => RelayEnd.ClientUnresponsive,
        (false, false) => RelayEnd.UpstreamBroken,
        (false, true) => RelayEnd.UpstreamUnresponsive,
    });

    internal void End(RelayEnd end)
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        _idle.Cancel();
        if (end == RelayEnd.Completed)
        {
            _client.Close();
            _upstream.Close();
        }
        else
        {
            _client.Reset();
            _upstream.Reset();
        }

        _toUpstream.Release();
        _toClient.Release();
        _owner.OnRelayEnded(end);
    }

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        long activeMs = Math.Max(_toUpstream.ActiveMs, _toClient.ActiveMs);
        TimeSpan left = Limits.LimitOf(_isHalfOpen) - TimeSpan.FromMilliseconds(_client.Loop.NowMs - activeMs);
        if (left > TimeSpan.Zero)
        {
            _idle.Arm(left);
            return;
        }

        End(_isHalfOpen ? RelayEnd.HalfOpenTimeout : RelayEnd.IdleTimeout);
    }
}
