using Mesh.Node.Model.Traffic;

namespace Mesh.Node.Proxy.Origination;

/// <summary>
/// The contexts of TLS towards servers outside the mesh, made when first asked for and made anew when their files change, on a thread of
/// its own. What was good stays while its files are not. Any thread; finding one that is there allocates nothing.
/// </summary>
/// <param name="files">Reads what rules name.</param>
/// <param name="unusedMaxMs">A context nobody has asked for in so long is forgotten. Milliseconds, 0 or more.</param>
internal sealed class OriginationContexts(OriginationFiles files, long unusedMaxMs = 600_000) : IDisposable
{
    /// <summary>Time from one look at the files of a context to the next.</summary>
    private const long LookMs = 1_000;

    private readonly System.Collections.Concurrent.ConcurrentDictionary<(TlsOrigination Tls, OriginationUse Use), Entry> _entries = new();

    /// <summary>
    /// What entries that come and go, those that wait for them, the thread and the end are guarded by: none goes while somebody waits
    /// for it.
    /// </summary>
    private readonly object _gate = new();
    private Thread? _thread;
    private bool _isOver;

    /// <summary>A context that is there; null for one that must be waited for, with <see cref="WaitAsync"/>.</summary>
    /// <param name="tls">What it is for.</param>
    /// <param name="use">What is spoken inside.</param>
    public OriginationContext? Find(TlsOrigination tls, OriginationUse use)
    {
        if (!_entries.TryGetValue((tls, use), out Entry? entry))
        {
            return null;
        }

        entry.UsedMs = Environment.TickCount64;
        return entry.Current;
    }

    /// <summary>A context; one that says so where there is none in time, or the wait was given up.</summary>
    /// <param name="tls">What it is for.</param>
    /// <param name="use">What is spoken inside.</param>
    /// <param name="wait">The caller's, not used before; its loop is the one that this is called on.</param>
    /// <param name="limit">How long it may take.</param>
    public async ValueTask<OriginationContext> WaitAsync(TlsOrigination tls, OriginationUse use, OriginationWait wait, TimeSpan limit)
    {
        Entry entry;
        lock (_gate)
        {
            entry = _entries.GetOrAdd((tls, use), static key => new Entry(key.Tls, key.Use));
            entry.UsedMs = Environment.TickCount64;
            if (entry.Current is OriginationContext current)
            {
                return current;
            }

            entry.Waits.Add(wait);
            if (_thread is null && !_isOver)
            {
                _thread = new Thread(Run) { Name = "tls-files", IsBackground = true };
                _thread.Start();
            }

            Monitor.Pulse(_gate);
        }

        OriginationContext made = await wait.WaitAsync(limit);
        lock (_gate)
        {
            entry.Waits.Remove(wait);
        }

        return made;
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

    private void Run()
    {
        while (!IsOver())
        {
            foreach (((TlsOrigination, OriginationUse) key, Entry entry) in _entries)
            {
                long nowMs = Environment.TickCount64;
                if (!TryForget(key, entry, nowMs) && nowMs >= entry.DueMs)
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

    private bool TryForget((TlsOrigination Tls, OriginationUse Use) key, Entry entry, long nowMs)
    {
        lock (_gate)
        {
            return entry.Waits.Count == 0 && nowMs - entry.UsedMs >= unusedMaxMs && _entries.TryRemove(KeyValuePair.Create(key, entry));
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
        OriginationWait[] waits;
        lock (_gate)
        {
            if (made.Context is not null || entry.Current?.Context is null)
            {
                entry.Current = made;
            }

            waits = [.. entry.Waits];
            entry.Waits.Clear();
        }

        foreach (OriginationWait wait in waits)
        {
            wait.PostBack(made);
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

        /// <summary>Who waits for it. Guarded by the gate.</summary>
        public HashSet<OriginationWait> Waits { get; } = [];
    }
}
