using System.Net;
using Mesh.Node.Transport.Connections;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Bench.Micro.Connections;

/// <summary>A server on one loop: a listener of the seam, and a protocol for each connection.</summary>
internal sealed class SeamServer : IDisposable
{
    private readonly EventLoop _loop = EventLoop.Start("bench-seam", 0, new EventLoopOptions());
    private readonly Func<ConnectionContext, Task> _protocol;
    private readonly ManualResetEventSlim _listening = new();
    private readonly ManualResetEventSlim _stopped = new();
    private IConnectionListener? _listener;

    /// <param name="at">Where to listen.</param>
    /// <param name="protocol">Serves one connection to its end, on the loop. A peer that resets is not its fault.</param>
    public SeamServer(IPEndPoint at, Func<ConnectionContext, Task> protocol)
    {
        _protocol = protocol;
        _loop.Post(() => _ = AcceptAsync(at));
        _listening.Wait();
    }

    public IPEndPoint Front => (IPEndPoint)_listener!.EndPoint;

    public void Dispose()
    {
        _loop.Post(() => _ = StopAsync());
        _stopped.Wait();
        _loop.Dispose();
        _listening.Dispose();
        _stopped.Dispose();
    }

    private async Task StopAsync() => await _listener!.DisposeAsync();

    private async Task AcceptAsync(IPEndPoint at)
    {
        _listener = await new LoopListenerFactory(_loop, new ListenerOptions()).BindAsync(at);
        _listening.Set();
        while (await _listener.AcceptAsync() is ConnectionContext connection)
        {
            _ = ServeAsync(connection);
        }

        _stopped.Set();
    }

    private async Task ServeAsync(ConnectionContext connection)
    {
        try
        {
            await _protocol(connection);
        }
        catch (ConnectionResetException)
        {
            // The client has gone.
        }

        await connection.DisposeAsync();
    }
}
