using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Testing.Connections;

/// <summary>What lies between two ends in memory: carries bytes both ways and watches the time.</summary>
#pragma warning disable CA1001 // The ends belong to the test, which lets them go.
internal sealed class MemoryWire
#pragma warning restore CA1001
{
    private readonly MemoryConnectionOptions _options;
    private readonly MemoryConnection _client;
    private readonly MemoryConnection _server;
    private ITimer? _idle;
    private readonly List<ITimer> _drains = [];
    private long _activeAt;

    public MemoryWire(MemoryConnectionOptions options)
    {
        _options = options;
        var scheduler = new SteppedScheduler();
        var pipes = new PipeOptions(
            readerScheduler: scheduler,
            writerScheduler: scheduler,
            pauseWriterThreshold: options.BytesMax,
            resumeWriterThreshold: options.BytesMax / 2,
            useSynchronizationContext: false);
        _client = new MemoryConnection(this, "client", pipes);
        _server = new MemoryConnection(this, "server", pipes);
        _activeAt = options.Clock.GetTimestamp();
    }

    public (MemoryConnection Client, MemoryConnection Server) Start()
    {
        if (_options.IdleLimit != Timeout.InfiniteTimeSpan)
        {
            _idle = _options.Clock.CreateTimer(_ => OnIdleTimer(), null, _options.IdleLimit, Timeout.InfiniteTimeSpan);
        }

        _ = CarryAsync(_client, _server);
        _ = CarryAsync(_server, _client);
        return (_client, _server);
    }

    public void Reset(MemoryConnection end, ConnectionAbortedException reason)
    {
        if (!end.IsEnded)
        {
            end.End(reason);
            OtherThan(end).End(new ConnectionResetException("The other end reset the connection."));
        }
    }

    /// <summary>The application let go of an end: it is over once all it wrote has been carried.</summary>
    public void OnLetGo(MemoryConnection end)
    {
        EndIfDone(end);
        if (!end.IsEnded)
        {
            _drains.Add(_options.Clock.CreateTimer(
                _ => Reset(end, new ConnectionAbortedException("The peer did not take the rest in time.")),
                null,
                _options.DrainLimit,
                Timeout.InfiniteTimeSpan));
        }
    }

    private MemoryConnection OtherThan(MemoryConnection end) => end == _client ? _server : _client;

    private async Task CarryAsync(MemoryConnection from, MemoryConnection to)
    {
        PipeReader source = from.Outgoing.Reader;
        while (!from.IsEnded)
        {
            ReadResult read;
            try
            {
                read = await source.ReadAsync();
            }
#pragma warning disable CA1031 // Whatever the application completed its output with: the peer must not take it for a whole stream.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                Reset(from, new ConnectionAbortedException(fault.Message, fault));
                return;
            }

            if (!await TryDeliverAsync(from, to, read.Buffer))
            {
                return;
            }

            source.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                from.HasSent = true;
                await to.Incoming.Writer.CompleteAsync();
                EndIfDone(from);
                return;
            }
        }
    }

    /// <summary>False when there is nobody to deliver to any more, or nobody to deliver for.</summary>
    private async ValueTask<bool> TryDeliverAsync(MemoryConnection from, MemoryConnection to, ReadOnlySequence<byte> bytes)
    {
        if (from.IsEnded || bytes.IsEmpty)
        {
            return !from.IsEnded;
        }

        bool isWanted = !to.IsEnded;
        if (isWanted)
        {
            foreach (ReadOnlyMemory<byte> segment in bytes)
            {
                to.Incoming.Writer.Write(segment.Span);
            }

            _activeAt = _options.Clock.GetTimestamp();
            isWanted = !(await to.Incoming.Writer.FlushAsync()).IsCompleted;
        }

        if (!isWanted && !from.IsEnded)
        {
            // As on a socket: a peer that has closed answers with a reset, and one that only stopped reading leaves the writer waiting.
            from.IsStalled = true;
            ResetIfRefused(from, to);
        }

        return isWanted && !from.IsEnded;
    }

    private void EndIfDone(MemoryConnection end)
    {
        if (end.IsLetGo && end.HasSent)
        {
            end.End(null);
            ResetIfRefused(OtherThan(end), end);
        }
    }

    private static void ResetIfRefused(MemoryConnection from, MemoryConnection to)
    {
        if (from.IsStalled && to.IsEnded)
        {
            from.End(new ConnectionResetException("The other end has closed."));
        }
    }

    private void OnIdleTimer()
    {
        if (_client.IsEnded && _server.IsEnded)
        {
            return;
        }

        TimeSpan left = _options.IdleLimit - _options.Clock.GetElapsedTime(_activeAt);
        if (left > TimeSpan.Zero)
        {
            _idle!.Change(left, Timeout.InfiniteTimeSpan);
            return;
        }

        var reason = new ConnectionAbortedException("No byte moved for the idle limit.");
        _client.End(reason);
        _server.End(reason);
    }
}
