using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Connections;
using Mesh.Node.Transport.Relay;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Clients;

/// <summary>
/// A client's connection that may carry requests, whatever is under it and whatever path it came: looked at, its requests served, and
/// ended. Lives on one loop.
/// </summary>
/// <param name="context">The loop.</param>
/// <param name="record">The connection.</param>
/// <param name="settle">Called when the client has had its time to begin: from then on it is one that waits by its own will.</param>
internal sealed class HttpSession(LoopContext context, ConnectionRecord record, Action settle)
{
    private ProtocolPeek? _peek;
    private StreamPeek? _streamPeek;
    private FirstSpeaker? _speaker;
    private ConnectionContext? _connection;
    private Http1Client? _http1;
    private Http2Client? _http2;

    /// <summary>What the client begins with, once it was looked at.</summary>
    public Beginning Beginning { get; private set; }

    /// <summary>Who is told what the connection carries, where that is bytes.</summary>
    public IRelayMeter Meter => _speaker is null ? record : _speaker;

    /// <summary>Looks at what the client begins with and leaves it to be read.</summary>
    /// <param name="client">The client.</param>
    /// <param name="protocol">What its port declares.</param>
    /// <param name="port">The port.</param>
    /// <param name="trustsHints">
    /// Whether a client whose server is known to speak first need not be waited for. False where policy would ask what it says.
    /// </param>
    /// <returns>Whether what it says is to be read as requests.</returns>
    public async ValueTask<bool> LookAsync(TcpChannel client, PortProtocol protocol, PortKey port, bool trustsHints)
    {
        bool isExpected = IsSilenceExpected(protocol, port, trustsHints);
        long endMs = EndOfLookMs(protocol);
        PeekResult first;
        do
        {
            _peek = new ProtocolPeek(client);
            first = await _peek.WaitAsync(TimeFor(protocol), isExpected);
            _peek = null;
        }
        while (first.Outcome == PeekOutcome.Silent && MayBeginLater(endMs));

        return Conclude(first, protocol, port, isExpected);
    }

    /// <summary>The same of the client of a stream, whose bytes are held.</summary>
    /// <inheritdoc cref="LookAsync(TcpChannel, PortProtocol, PortKey, bool)"/>
    public async ValueTask<bool> LookAsync(EarlyData client, PortProtocol protocol, PortKey port, bool trustsHints)
    {
        bool isExpected = IsSilenceExpected(protocol, port, trustsHints);
        long endMs = EndOfLookMs(protocol);
        PeekResult first;
        do
        {
            _streamPeek = new StreamPeek(client, context.Loop);
            first = await _streamPeek.WaitAsync(TimeFor(protocol), isExpected);
            _streamPeek = null;
        }
        while (first.Outcome == PeekOutcome.Silent && MayBeginLater(endMs));

        return Conclude(first, protocol, port, isExpected);
    }

    /// <summary>The server of the stream that is looked at has spoken first, or ended.</summary>
    public void OnServerSpoke() => _streamPeek?.OnServerSpoke();

    /// <summary>More of the client of a stream is held than before.</summary>
    public void OnHeld() => _streamPeek?.OnHeld();

    /// <summary>Serves the requests of a socket to its end; the record has its reason then.</summary>
    /// <param name="client">Looked at, and not read from.</param>
    /// <param name="isHttp2">What it begins with.</param>
    /// <param name="server">Answers.</param>
    /// <param name="buffers">The pod's.</param>
    public async Task ServeAsync(TcpChannel client, bool isHttp2, IRequestServer server, BufferBudget buffers)
    {
        ChannelConnection connection = ChannelConnection.Start(
            client, new ConnectionOptions { IdleLimit = IdleLimit }, record.Destination, record.Client);
        (CloseReason reason, string? detail) = await RunAsync(connection, isHttp2, server, buffers);
        bool isIdle = reason == CloseReason.ClientReset && connection.End == ConnectionEnd.IdleTimeout;
        record.TryEnd(isIdle ? CloseReason.IdleTimeout : reason, detail);
    }

    /// <summary>The same of a stream of a tunnel.</summary>
    public async Task ServeAsync(
        StreamConnection connection, TunnelConnection tunnel, bool isHttp2, IRequestServer server, BufferBudget buffers)
    {
        (CloseReason reason, string? detail) = await RunAsync(connection, isHttp2, server, buffers);
        if (connection.IsOverBudget)
        {
            record.TryEnd(CloseReason.BufferLimit);
        }

        if (reason == CloseReason.ClientReset && tunnel.IsClosed)
        {
            record.TryEnd(tunnel.StreamEnd.Reason, tunnel.StreamEnd.Detail);
        }

        record.TryEnd(reason, detail);
    }

    /// <summary>Gives up whatever is under way.</summary>
    public void Abort()
    {
        _peek?.Cancel();
        _streamPeek?.Cancel();
        _connection?.Abort();
    }

    /// <summary>The connection is over.</summary>
    public void End() => _speaker?.End();

    /// <summary>The connection ends after what is under way.</summary>
    public void BeginDrain()
    {
        _http1?.BeginDrain();
        _http2?.BeginDrain();
    }

    private TimeSpan IdleLimit => TimeSpan.FromMilliseconds(context.Services.Options.IdleTimeoutMs);

    /// <summary>For what a client has begun with, and how often it is asked whether it has begun.</summary>
    private TimeSpan TimeFor(PortProtocol protocol) =>
        protocol == PortProtocol.Http ? context.Services.Http.HeadTime : context.Services.Http.DetectionTime;

    /// <summary>Who declares HTTP has clients that begin, though perhaps late: with a connection kept for later, say.</summary>
    private long EndOfLookMs(PortProtocol protocol) =>
        context.Loop.NowMs + (protocol == PortProtocol.Http ? context.Services.Options.IdleTimeoutMs : 0);

    private bool MayBeginLater(long endMs)
    {
        if (context.Loop.NowMs >= endMs)
        {
            return false;
        }

        settle();
        return true;
    }

    private bool IsSilenceExpected(PortProtocol protocol, in PortKey port, bool trustsHints) =>
        trustsHints && protocol == PortProtocol.Detect && context.Services.Hints.IsServerFirst(port, context.Loop.NowMs);

    private bool Conclude(in PeekResult first, PortProtocol protocol, in PortKey port, bool isExpected)
    {
        if (first.Outcome == PeekOutcome.Broken)
        {
            // Whoever gave the look up has said why already.
            record.TryEnd(CloseReason.ClientReset, null);
            return false;
        }

        Beginning = Beginnings.Of(first, isExpected);
        record.ServerName = first.ServerName;
        if (protocol == PortProtocol.Http)
        {
            // What begins with neither version is left to the reader of HTTP/1.
            return true;
        }

        if (Beginning is Beginning.Silence or Beginning.SilenceExpected)
        {
            _speaker = new FirstSpeaker(record, context.Loop, context.Services.Hints, port, isExpected);
        }
        else if (first.Outcome == PeekOutcome.Decided)
        {
            context.Services.Hints.ClientSpoke(port);
        }

        return Beginning is Beginning.Http1 or Beginning.Http2;
    }

    private async Task<(CloseReason Reason, string? Detail)> RunAsync(
        ConnectionContext connection, bool isHttp2, IRequestServer server, BufferBudget buffers)
    {
        _connection = connection;
        record.CarriesRequests = true;
        (CloseReason Reason, string? Detail) end;
        if (isHttp2)
        {
            _http2 = new Http2Client(connection, context, IdleLimit, server, buffers);
            end = (HttpReasons.ReasonFor(await _http2.RunAsync()), _http2.EndDetail);
        }
        else
        {
            _http1 = new Http1Client(connection, context.Loop, context.Services.Http, server);
            end = (HttpReasons.ReasonFor(await _http1.RunAsync()), server.Refusal);
        }

        await connection.DisposeAsync();
        return end;
    }
}
