using Mesh.Node.Model.Traffic;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Origination;

/// <summary>
/// The contexts of TLS towards servers outside the mesh, made when first asked for and made anew when their files change, on a thread of
/// its own. What was good stays while its files are not. Any thread; finding one that is there allocates nothing.
/// </summary>
/// <param name="files">Reads what rules name.</param>
internal sealed class OriginationContexts(OriginationFiles files) : IDisposable
{
    /// <summary>Time from one look at the files of a context to the next.</summary>
    private const long LookMs = 1_000;

    /// <summary>A context nobody has asked for in so long is forgotten.</summary>
    private const long UnusedMaxMs = 600_000;

    private readonly System.Collections.Concurrent.ConcurrentDictionary<(TlsOrigination Tls, OriginationUse Use), Entry> _entries = new();

    /// <summary>What entries that wait, the thread and the end are guarded by.</summary>
    private readonly object _gate = new();
    private Thread? _thread;
    private bool _isOver;

    /// <summary>A context.</summary>
    /// <param name="tls">What it is for.</param>
    /// <param name="use">What is spoken inside.</param>
    /// <param name="loop">The caller's, on which it goes on.</param>
    public ValueTask<OriginationContext> GetAsync(TlsOrigination tls, OriginationUse use, EventLoop loop)
    {
        Entry entry = _entries.GetOrAdd((tls, use), static key => new Entry(key.Tls, key.Use));
        entry.UsedMs = loop.NowMs;
        return entry.Current is OriginationContext made ? ValueTask.FromResult(made) : WaitAsync(entry, loop);
    }

    /// <summary>Nothing is made any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            Monitor.Pulse(_gate);
        }
    }

    private ValueTask<OriginationContext> WaitAsync(Entry entry, EventLoop loop)
    {
        var waiter = new Waiter(loop);
        ValueTask<OriginationContext> made = waiter.WaitAsync();
        lock (_gate)
        {
            if (entry.Current is OriginationContext current)
            {
                waiter.Complete(current);
                return made;
            }

            entry.Waiters.Add(waiter);
            if (_thread is null && !_isOver)
            {
                _thread = new Thread(Run) { Name = "tls-files", IsBackground = true };
                _thread.Start();
            }

            Monitor.Pulse(_gate);
        }

        return made;
    }

    private void Run()
    {
        while (!IsOver())
        {
            foreach (((TlsOrigination, OriginationUse) key, Entry entry) in _entries)
            {
                long nowMs = Environment.TickCount64;
                if (nowMs - entry.UsedMs >= UnusedMaxMs)
                {
                    _entries.TryRemove(KeyValuePair.Create(key, entry));
                }
                else if (nowMs >= entry.DueMs)
                {
                    entry.DueMs = nowMs + LookMs;
                    Look(entry);
                }
            }

            lock (_gate)
            {
                if (!_isOver && !_entries.Values.Any(entry => entry.DueMs == 0))
                {
                    Monitor.Wait(_gate, TimeSpan.FromMilliseconds(LookMs));
                }
            }
        }
    }

    private bool IsOver()
    {
        lock (_gate)
        {
            return _isOver;
        }
    }

    private void Look(Entry entry)
    {
        OriginationContext made;
        try
        {
            string stamp = files.StampOf(entry.Tls);
            if (entry.Current is { Context: not null } && stamp == entry.Stamp)
            {
                return;
            }

            made = new OriginationContext(files.Read(entry.Tls, entry.Use), null);
            entry.Stamp = stamp;
        }
#pragma warning disable CA1031 // Whatever it is, it concerns this rule: connections are told why there is no TLS, and none is made without.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            made = new OriginationContext(null, fault.Message);
        }

        // What was good stays: a file may be about to be replaced. A context that is replaced is let go when its last session has ended.
        Waiter[] waiters;
        lock (_gate)
        {
            if (made.Context is not null || entry.Current?.Context is null)
            {
                entry.Current = made;
            }

            waiters = [.. entry.Waiters];
            entry.Waiters.Clear();
        }

        foreach (Waiter waiter in waiters)
        {
            waiter.PostBack(made);
        }
    }

    private sealed class Entry(TlsOrigination tls, OriginationUse use)
    {
        private volatile OriginationContext? _current;
        private long _usedMs;

        public TlsOrigination Tls => tls;

        public OriginationUse Use => use;

        public OriginationContext? Current
        {
            get => _current;
            set => _current = value;
        }

        public long UsedMs
        {
            get => Volatile.Read(ref _usedMs);
            set => Volatile.Write(ref _usedMs, value);
        }

        /// <summary>When its files are looked at next; 0 before the first time. The thread's own.</summary>
        public long DueMs { get; set; }

        /// <summary>The state of its files as last read. The thread's own.</summary>
        public string Stamp { get; set; } = "";

        public List<Waiter> Waiters { get; } = [];
    }

    /// <summary>Somebody on a loop who waits for a context.</summary>
    private sealed class Waiter(EventLoop loop) : LoopWork
    {
        private readonly LoopCompletion<OriginationContext> _made = new(loop);
        private OriginationContext? _result;

        public ValueTask<OriginationContext> WaitAsync() => _made.WaitAsync();

        /// <summary>On the loop.</summary>
        public void Complete(OriginationContext result) => _made.TryComplete(result);

        /// <summary>From another thread.</summary>
        public void PostBack(OriginationContext result)
        {
            _result = result;
            loop.Post(this);
        }

        public override void Run() => _made.TryComplete(_result!);
    }
}
