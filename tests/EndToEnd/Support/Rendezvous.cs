using System.Net;
using System.Net.Sockets;
using Mesh.Lab;

namespace Mesh.EndToEnd.Support;

/// <summary>A listener in a pod that hands a test both ends of each connection. One connection is joined at a time.</summary>
internal sealed class Rendezvous : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly LabPod _server;
    private readonly Socket _listener;

    private Rendezvous(LabPod server, Socket listener)
    {
        (_server, _listener) = (server, listener);
    }

    public static async Task<Rendezvous> OpenAsync(LabPod server, int port) => new(server, await server.ListenAsync(port));

    public IPEndPoint EndPoint(AddressFamily family = AddressFamily.InterNetwork)
    {
        return _server.EndPoint(((IPEndPoint)_listener.LocalEndPoint!).Port, family);
    }

    /// <summary>The server's end of a connection that somebody has made.</summary>
    public async Task<Socket> AcceptAsync()
    {
        using var limit = new CancellationTokenSource(s_limit);
        return await _listener.AcceptAsync(limit.Token);
    }

    public async Task<ConnectedPair> JoinAsync(LabPod client, AddressFamily family = AddressFamily.InterNetwork)
    {
        using var limit = new CancellationTokenSource(s_limit);
        Socket near = await client.ConnectAsync(EndPoint(family), limit.Token);
        try
        {
            return new ConnectedPair(near, await AcceptAsync());
        }
        catch
        {
            near.Dispose();
            throw;
        }
    }

    public void Dispose() => _listener.Dispose();
}

/// <param name="Near">The client's end.</param>
/// <param name="Far">The server's end.</param>
internal sealed record ConnectedPair(Socket Near, Socket Far) : IDisposable
{
    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
    }
}
