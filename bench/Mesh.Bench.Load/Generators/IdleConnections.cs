using System.Net;
using System.Net.Sockets;
using Mesh.Bench.Load.Topology;
using Mesh.Interop.Linux;
using Mesh.Lab;

namespace Mesh.Bench.Load.Generators;

/// <summary>
/// Many connections that have carried one byte each way, so that everything on their way exists, and then do nothing. Both ends are in
/// this process.
/// </summary>
internal sealed class IdleConnections : IAsyncDisposable
{
    public const int ServerPort = 7007;

    // Two descriptors a connection here and in a proxy, and what else each has open.
    private const int Wished = 10_000;
    private const int DescriptorsBeside = 2_000;
    private const int AtOnce = 100;
    private static readonly TimeSpan s_openLimit = TimeSpan.FromMinutes(2);

    private readonly List<Socket> _clients = [];
    private readonly List<Socket> _servers = [];
    private readonly Socket _listener;
    private readonly Task _serving;

    private IdleConnections(Socket listener)
    {
        _listener = listener;
        _serving = ServeAsync();
    }

    /// <summary>Ten thousand, or what the limit on descriptors lets this process and each proxy have open at once.</summary>
    public static int Count { get; } = (int)Math.Min(Wished, (ResourceLimits.RaiseOpenFiles() - DescriptorsBeside) / 2);

    /// <summary>Opens connections from a side's client to what listens behind it in a pod.</summary>
    /// <exception cref="BenchException">One of them failed.</exception>
    public static async Task<IdleConnections> OpenAsync(BenchLab bench, LabPod client, IPEndPoint target, LabPod server)
    {
        var opened = new IdleConnections(await server.ListenAsync(ServerPort, backlog: 4096));
        try
        {
            Socket[] sockets = await bench.Lab.Place(client.NetworkNamespace).RunOnDedicatedThreadAsync(() => Enumerable.Range(0, Count)
                .Select(_ => new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp))
                .ToArray());
            opened._clients.AddRange(sockets);
            using var limit = new CancellationTokenSource(s_openLimit);
            foreach (Socket[] batch in sockets.Chunk(AtOnce))
            {
                await Task.WhenAll(batch.Select(socket => ExchangeAsync(socket, target, limit.Token)));
            }

            return opened;
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            await opened.DisposeAsync();
            throw new BenchException($"{Count} connections from {client} to {target} could not be opened: {exception.Message}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _serving;
        _clients.ForEach(socket => socket.Dispose());
        _servers.ForEach(socket => socket.Dispose());
    }

    private static async Task ExchangeAsync(Socket socket, IPEndPoint target, CancellationToken cancellation)
    {
        byte[] one = [1];
        await socket.ConnectAsync(target, cancellation);
        await socket.SendAsync(one, cancellation);
        if (await socket.ReceiveAsync(one, cancellation) != 1)
        {
            throw new SocketException((int)SocketError.ConnectionReset);
        }
    }

    private async Task ServeAsync()
    {
        var answering = new List<Task>();
        try
        {
            while (true)
            {
                Socket accepted = await _listener.AcceptAsync();
                _servers.Add(accepted);
                answering.Add(AnswerAsync(accepted));
            }
        }
        catch (SocketException)
        {
            // The listener was closed: that is the end.
        }

        await Task.WhenAll(answering);
    }

    private static async Task AnswerAsync(Socket socket)
    {
        byte[] one = new byte[1];
        try
        {
            if (await socket.ReceiveAsync(one) == 1)
            {
                await socket.SendAsync(one);
            }
        }
        catch (SocketException)
        {
            // The client's side says what became of it.
        }
    }
}
