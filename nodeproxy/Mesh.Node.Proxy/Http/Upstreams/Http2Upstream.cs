using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Proxy.Http.Http2;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>
/// A connection to an upstream that speaks HTTP/2: many exchanges at once. It is used once the upstream's settings have come, so that what
/// it allows is known, and one that speaks something else fails before any request depends on it. Lives on one loop.
/// </summary>
internal sealed class Http2Upstream : IHttp2SessionOwner, ITimerHandler
{
    /// <summary>Exchanges on one connection, whatever the upstream allows.</summary>
    private const int ExchangesMax = 1_024;

    /// <summary>
    /// Servers of gRPC end connections of clients that ask more often than every five minutes. What lies under the connection finds out
    /// sooner: the kernel, or the tunnel's own questions.
    /// </summary>
    private static readonly TimeSpan s_pingInterval = TimeSpan.FromMinutes(6);

    private static readonly TimeSpan s_pingTimeout = TimeSpan.FromSeconds(20);

    private readonly Http2Group _group;
    private readonly ConnectionContext _connection;
    private readonly Http2Session _session;
    private readonly LoopTimer _greetingTimer;
    private readonly IDisposable? _lease;
    private readonly uint _requestsMax;
    private int _placesTaken;
    private long _placesEverTaken;
    private bool _isGreetingLate;
    private bool _isRetired;

    /// <param name="group">Whose connection it is.</param>
    /// <param name="connection">Ready to carry bytes; owned.</param>
    /// <param name="context">The loop.</param>
    /// <param name="budget">What the upstream sends and nobody has taken counts towards it.</param>
    /// <param name="lease">Counts it until it is closed; null where nothing does.</param>
    public Http2Upstream(
        Http2Group group, ConnectionContext connection, LoopContext context, BufferBudget budget, IDisposable? lease)
    {
        _group = group;
        _connection = connection;
        _lease = lease;
        _requestsMax = group.Limits.MaxRequestsPerConnection;
        MadeMs = context.Loop.NowMs;
        TimeSpan idle = context.Services.Http.UpstreamIdle;
        _session = new Http2Session(
            connection,
            context.Loop,
            Http2Role.Client,
            Http2Settings.Client with { LocalStreamsMax = (int)Math.Min(group.Limits.MaxConcurrentStreams, ExchangesMax) },
            new Http2SessionOptions
            {
                IdleLimit = group.Limits.HttpIdleTimeout is TimeSpan limit && limit < idle ? limit : idle,
                PingInterval = group.Limits.KeepAlive?.Interval ?? s_pingInterval,
                PingTimeout = group.Limits.KeepAlive?.Timeout ?? s_pingTimeout,
            },
            this,
            budget);
        _greetingTimer = new LoopTimer(context.Loop, this);
    }

    /// <summary>When it was made, in the loop's milliseconds.</summary>
    public long MadeMs { get; }

    /// <summary>Whether the upstream's settings have come.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Whether nothing is carried, and nobody is about to.</summary>
    public bool IsIdle => IsReady && _placesTaken == 0 && !_isRetired && !_session.IsGoingAway;

    /// <summary>Whether it takes further exchanges, now or once others are over.</summary>
    public bool IsUsable =>
        IsReady && !_isRetired && !_session.IsGoingAway && (_session.StreamsMax > 0 || _placesTaken > 0);

    /// <summary>Whether it takes another exchange.</summary>
    public bool HasRoom => IsReady && !_isRetired && _session.CanOpen && _placesTaken < _session.StreamsMax;

    /// <summary>Whether the upstream takes tunnels to other protocols (RFC 8441).</summary>
    public bool TakesUpgrades => _session.PeerEnablesConnectProtocol;

    /// <summary>Begins to speak, and tells the group when it is ready, or that it never will be.</summary>
    public void Start(TimeSpan timeLimit)
    {
        _greetingTimer.Arm(timeLimit);
        _ = RunAsync();
    }

    /// <summary>Takes a place for an exchange, which is given back with it.</summary>
    public Http2Exchange Take(Http2Exchange exchange)
    {
        _placesTaken++;
        _isRetired = _requestsMax > 0 && ++_placesEverTaken >= _requestsMax;
        exchange.Attach(this);
        return exchange;
    }

    /// <summary>Sends the head of a request; null when nothing can be sent any more.</summary>
    public Http2SessionStream? TryOpen(RequestHead head, bool endStream, IHttp2StreamEvents events)
    {
        Http2RequestHeads.Write(head, _session.Block);
        return _session.TryOpen(_session.Block, endStream, events);
    }

    /// <summary>Takes an exchange back, and with it a place.</summary>
    public void GiveBack(Http2Exchange exchange)
    {
        _placesTaken--;
        if (_isRetired)
        {
            Retire();
        }

        _group.GiveBack(this, exchange);
    }

    /// <summary>Takes no further exchange, and ends with the last.</summary>
    public void Retire()
    {
        _isRetired = true;
        if (_placesTaken == 0)
        {
            _session.BeginDrain();
        }
    }

    void IHttp2SessionOwner.OnStreamOpened(Http2SessionStream stream, HeaderList block, bool endStream) =>
        stream.Release(Http2ErrorCode.RefusedStream);

    void IHttp2SessionOwner.OnRequestRefused(HeaderVerdict verdict)
    {
    }

    void IHttp2SessionOwner.OnCapacityChanged(Http2Session session)
    {
        // One that allows no exchange yet is none that can be used: the time limit for its greeting goes on.
        if (!IsReady && session.PeerSettingsReceived && session.StreamsMax > 0)
        {
            IsReady = true;
            _greetingTimer.Cancel();
            _group.OnReady(this);
        }
        else if (IsReady)
        {
            _group.OnCapacityChanged(this);
        }
    }

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        _isGreetingLate = true;
        _session.Abort();
    }

    private async Task RunAsync()
    {
        Http2SessionEnd end = await _session.RunAsync();
        _greetingTimer.Cancel();
        ValueTask disposed = _connection.DisposeAsync();
        _lease?.Dispose();
        if (IsReady)
        {
            _group.OnEnded(this);
        }
        else
        {
            _group.OnGreetingFailed(_isGreetingLate
                ? new DialResult(null, CloseReason.ConnectTimeout, "the upstream did not speak HTTP/2, or allowed no requests, in time")
                : new DialResult(
                    null,
                    CloseReason.ConnectFailed,
                    $"the upstream does not speak HTTP/2, though its port or a rule says so: {_session.EndDetail ?? end.ToString()}"));
        }

        await disposed;
    }
}
