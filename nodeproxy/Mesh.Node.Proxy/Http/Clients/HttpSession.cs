using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Connections;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Clients;

/// <summary>
/// A client's connection that may carry requests, whatever is under it and whatever path it came: looked at, its requests served, and
/// ended. Lives on one loop.
/// </summary>
internal sealed class HttpSession(LoopContext context, ConnectionRecord record)
{
    private ProtocolPeek? _peek;
    private ConnectionContext? _connection;
    private Http1Client? _http1;
    private Http2Client? _http2;

    /// <summary>Looks at what the client begins with and leaves it to be read.</summary>
    public async ValueTask<PeekResult> LookAsync(TcpChannel client, TimeSpan timeLimit)
    {
        _peek = new ProtocolPeek(client);
        PeekResult first = await _peek.WaitAsync(timeLimit);
        _peek = null;
        return first;
    }

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
        _connection?.Abort();
    }

    /// <summary>The connection ends after what is under way.</summary>
    public void BeginDrain()
    {
        _http1?.BeginDrain();
        _http2?.BeginDrain();
    }

    private TimeSpan IdleLimit => TimeSpan.FromMilliseconds(context.Services.Options.IdleTimeoutMs);

    private async Task<(CloseReason Reason, string? Detail)> RunAsync(
        ConnectionContext connection, bool isHttp2, IRequestServer server, BufferBudget buffers)
    {
        _connection = connection;
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
