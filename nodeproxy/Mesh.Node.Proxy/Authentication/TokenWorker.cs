namespace Mesh.Node.Proxy.Authentication;

/// <summary>
/// Verifies tokens, one after another, on a thread of its own: a signature costs a loop more than a request does. What it has to do is
/// bounded; a request beyond is refused, and never let in unverified.
/// </summary>
internal sealed class TokenWorker : IDisposable
{
    /// <summary>Tokens that may wait.</summary>
    public const int QueuedMax = 4_096;

    private readonly TimeProvider _time;
    private readonly Queue<TokenJob> _queue = new();
    private Thread? _thread;
    private bool _isStopping;

    /// <param name="time">By which tokens expire.</param>
    public TokenWorker(TimeProvider time) => _time = time;

    /// <summary>Now, in seconds of Unix.</summary>
    public double NowSeconds => _time.GetUtcNow().ToUnixTimeMilliseconds() / 1_000.0;

    /// <summary>Any loop. The thread begins with the first token there is.</summary>
    /// <returns>False when there is too much to do already.</returns>
    public bool TryAdd(TokenJob job)
    {
        lock (_queue)
        {
            if (_isStopping || _queue.Count >= QueuedMax)
            {
                return false;
            }

            if (_thread is null)
            {
                _thread = new Thread(Run) { Name = "token-verifier", IsBackground = true };
                _thread.Start();
            }

            _queue.Enqueue(job);
            Monitor.Pulse(_queue);
            return true;
        }
    }

    /// <summary>Nothing more is verified; what waits is let go, as its loops are over.</summary>
    public void Dispose()
    {
        Thread? thread;
        lock (_queue)
        {
            _isStopping = true;
            thread = _thread;
            Monitor.Pulse(_queue);
        }

        thread?.Join();
    }

    private void Run()
    {
        while (TryTake() is TokenJob job)
        {
            job.Verify(NowSeconds);
        }
    }

    private TokenJob? TryTake()
    {
        lock (_queue)
        {
            while (!_isStopping && _queue.Count == 0)
            {
                Monitor.Wait(_queue);
            }

            return _isStopping ? null : _queue.Dequeue();
        }
    }
}
