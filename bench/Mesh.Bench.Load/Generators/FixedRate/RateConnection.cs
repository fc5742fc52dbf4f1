using Mesh.Interop.Linux;

namespace Mesh.Bench.Load.Generators.FixedRate;

/// <summary>One keep-alive connection and the requests that are due on it.</summary>
internal sealed class RateConnection(SocketHandle socket) : IDisposable
{
    private readonly ResponseCounter _responses = new();
    private readonly Queue<long> _due = new(capacity: 1024);
    private bool _isBusy;

    public SocketHandle Socket => socket;

    /// <summary>Whether every request that was due has been answered.</summary>
    public bool IsIdle => !_isBusy;

    /// <summary>Asks for a request to be sent; at once when the one before has been answered.</summary>
    /// <param name="dueAt">A timestamp of Stopwatch.</param>
    public void Add(long dueAt)
    {
        _due.Enqueue(dueAt);
        if (!_isBusy)
        {
            Send();
        }
    }

    /// <summary>Takes what has arrived.</summary>
    /// <param name="buffer">Room for the longest answer.</param>
    /// <returns>When the request was due whose answer is whole now; null while there is none.</returns>
    /// <exception cref="BenchException">The connection ended or the answer is wrong.</exception>
    public long? Receive(Span<byte> buffer)
    {
        SysResult received = Sockets.Receive(socket, buffer);
        if (received.WouldBlock)
        {
            return null;
        }

        if (!received.Ok || received.Count == 0)
        {
            throw new BenchException($"a connection ended: {(received.Ok ? "closed" : received.Error)}");
        }

        if (!_responses.Take(buffer[..received.Count]))
        {
            return null;
        }

        long dueAt = _due.Dequeue();
        _isBusy = false;
        if (_due.Count > 0)
        {
            Send();
        }

        return dueAt;
    }

    public void Dispose() => socket.Dispose();

    private void Send()
    {
        ReadOnlySpan<byte> request = "GET / HTTP/1.1\r\nHost: origin\r\n\r\n"u8;
        SysResult sent = Sockets.Send(socket, request);
        if (!sent.Ok || sent.Count != request.Length)
        {
            throw new BenchException($"a request was not sent: {sent.Error}");
        }

        _isBusy = true;
    }
}
