using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Mesh.Testing.Connections;

/// <summary>
/// One end of a connection in memory, for tests of protocols: no socket, no loop, no thread, and time only as a test lets it pass.
/// </summary>
/// <remarks>
/// Both ends and all that uses them run on the test's thread. What it promises is what the contract tests hold the real one to.
/// </remarks>
public sealed class MemoryConnection : ConnectionContext
{
    private readonly MemoryWire _wire;
    private readonly CancellationTokenSource _closed = new();
    private readonly TaskCompletionSource _released = new();

    internal MemoryConnection(MemoryWire wire, string id, PipeOptions pipes)
    {
        _wire = wire;
        ConnectionId = id;
        Incoming = new Pipe(pipes);
        Outgoing = new Pipe(pipes);
        Transport = new Duplex(Incoming.Reader, Outgoing.Writer);
        ConnectionClosed = _closed.Token;
    }

    /// <inheritdoc/>
    public override string ConnectionId { get; set; }

    /// <inheritdoc/>
    public override IFeatureCollection Features { get; } = new FeatureCollection();

    /// <inheritdoc/>
    public override IDictionary<object, object?> Items
    {
        get => field ??= new ConnectionItems();
        set;
    }

    /// <inheritdoc/>
    public override IDuplexPipe Transport { get; set; }

    /// <inheritdoc/>
    public override CancellationToken ConnectionClosed { get; set; }

    /// <inheritdoc/>
    [AllowNull]
    public override EndPoint LocalEndPoint { get; set; } = new IPEndPoint(IPAddress.Loopback, 1);

    /// <inheritdoc/>
    [AllowNull]
    public override EndPoint RemoteEndPoint { get; set; } = new IPEndPoint(IPAddress.Loopback, 2);

    internal Pipe Incoming { get; }

    internal Pipe Outgoing { get; }

    internal bool IsEnded { get; private set; }

    internal bool IsLetGo { get; private set; }

    /// <summary>All it wrote, to the end of its output, has reached the other end.</summary>
    internal bool HasSent { get; set; }

    /// <summary>What it writes has nowhere to go: the other end reads no more.</summary>
    internal bool IsStalled { get; set; }

    /// <summary>Two ends of one connection.</summary>
    public static (MemoryConnection Client, MemoryConnection Server) Connect(MemoryConnectionOptions? options = null) =>
        new MemoryWire(options ?? new MemoryConnectionOptions()).Start();

    /// <summary>Ends both directions at once; the other end sees a reset.</summary>
    public override void Abort(ConnectionAbortedException abortReason) => _wire.Reset(this, abortReason);

    /// <inheritdoc/>
    public override void Abort() => Abort(new ConnectionAbortedException());

    /// <summary>Lets the connection go, after what was written has reached the other end.</summary>
#pragma warning disable CA2215 // The base has nothing to dispose of.
    public override async ValueTask DisposeAsync()
#pragma warning restore CA2215
    {
        if (!IsLetGo)
        {
            IsLetGo = true;
            await Transport.Input.CompleteAsync();
            await Transport.Output.CompleteAsync();
            _wire.OnLetGo(this);
            await _released.Task;
        }
    }

    internal void End(Exception? error)
    {
        if (!IsEnded)
        {
            IsEnded = true;
            Incoming.Writer.Complete(error);
            Outgoing.Reader.Complete();
            _closed.Cancel();
            _released.TrySetResult();
        }
    }

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }
}
