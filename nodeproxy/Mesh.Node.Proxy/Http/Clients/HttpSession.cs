using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;
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
    private Http1Client? _client;

    /// <summary>Looks at what the client begins with and leaves it to be read.</summary>
    public async ValueTask<PeekResult> LookAsync(TcpChannel client, TimeSpan timeLimit)
    {
        _peek = new ProtocolPeek(client);
        PeekResult first = await _peek.WaitAsync(timeLimit);
        _peek = null;
        return first;
    }

    /// <summary>Serves the requests of a socket to its end; the record has its reason then.</summary>
    public async Task ServeAsync(TcpChannel client, IRequestServer server)
    {
        ChannelConnection connection = ChannelConnection.Start(
            client,
            new ConnectionOptions { IdleLimit = TimeSpan.FromMilliseconds(context.Services.Options.IdleTimeoutMs) },
            record.Destination,
            record.Client);
        Http1ClientEnd end = await RunAsync(connection, server);
        bool isIdle = end == Http1ClientEnd.Gone && connection.End == ConnectionEnd.IdleTimeout;
        record.TryEnd(isIdle ? CloseReason.IdleTimeout : HttpReasons.ReasonFor(end), server.Refusal);
    }

    /// <summary>The same of a stream of a tunnel.</summary>
    public async Task ServeAsync(StreamConnection connection, TunnelConnection tunnel, IRequestServer server)
    {
        Http1ClientEnd end = await RunAsync(connection, server);
        if (end == Http1ClientEnd.Gone && tunnel.IsClosed)
        {
            record.TryEnd(tunnel.StreamEnd.Reason, tunnel.StreamEnd.Detail);
        }

        record.TryEnd(HttpReasons.ReasonFor(end), server.Refusal);
    }

    /// <summary>Gives up whatever is under way.</summary>
    public void Abort()
    {
        _peek?.Cancel();
        _connection?.Abort();
    }

    /// <summary>The connection ends after the response under way.</summary>
    public void BeginDrain() => _client?.BeginDrain();

    private async Task<Http1ClientEnd> RunAsync(ConnectionContext connection, IRequestServer server)
    {
        _connection = connection;
        _client = new Http1Client(connection, context.Loop, context.Services.Http, server);
        Http1ClientEnd end = await _client.RunAsync();
        await connection.DisposeAsync();
        return end;
    }
}
