using System.Net.Sockets;
using Mesh.Node.Model.Naming;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Resolution;

/// <summary>
/// Finds the addresses of the names that endpoints have, again and again, on threads of its own: whoever asks a resolver may wait for
/// seconds. The last good answer stays for as long as there is no other. Any thread.
/// </summary>
/// <param name="lookup">Asks for one name.</param>
/// <param name="refresh">Time from one answer to the next question.</param>
/// <param name="logger">Where names that cannot be found are told.</param>
internal sealed class NameResolver(INameLookup lookup, TimeSpan refresh, ILogger logger) : IDisposable
{
    /// <summary>Names looked after; further ones stay without an address.</summary>
    public const int NamesMax = 4_096;

    private const int ThreadsMax = 4;

    /// <summary>Threads that names may hold which were not found when they were last asked for: their servers are slow to say so.</summary>
    private const int FailingMax = 2;

    /// <summary>Threads that these and names without any answer yet may hold: one is left for names that are known to be found.</summary>
    private const int UnprovenMax = 3;

    /// <summary>How long an answer may wait for others, so that they are told together.</summary>
    private const long NewsWaitMs = 100;

    private const long RetryMinMs = 1_000;
    private const int RetryDoublingsMax = 6;

    private readonly long _refreshMs = (long)refresh.TotalMilliseconds;

    /// <summary>By name; also what everything below is guarded by.</summary>
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    private readonly List<Thread> _threads = [];
    private long _newsSinceMs = -1;
    private bool _areTooMany;
    private bool _isOver;

    /// <summary>Raised after answers have changed, on a thread of its own.</summary>
    public event Action? Answered;

    /// <summary>What was last found of a name; null for nothing yet.</summary>
    public NameAnswer? Find(string name)
    {
        lock (_entries)
        {
            return _entries.GetValueOrDefault(name)?.Answer;
        }
    }

    /// <summary>Looks after these names from now on and after no others.</summary>
    /// <param name="names">Each with whether it matters which of its addresses is named first.</param>
    public void Watch(IReadOnlyDictionary<string, bool> names)
    {
        lock (_entries)
        {
            foreach (string gone in _entries.Keys.Where(name => !names.ContainsKey(name)).ToArray())
            {
                _entries.Remove(gone);
            }

            bool areTooMany = false;
            foreach ((string name, bool countsFirst) in names)
            {
                if (!_entries.TryGetValue(name, out Entry? entry))
                {
                    if (_entries.Count >= NamesMax)
                    {
                        areTooMany = true;
                        continue;
                    }

                    entry = new Entry(name);
                    _entries.Add(name, entry);
                }

                entry.CountsFirst = countsFirst;
            }

            if (areTooMany && !_areTooMany)
            {
                Log.NamesTooMany(logger, NamesMax);
            }

            _areTooMany = areTooMany;

            while (!_isOver && _threads.Count < Math.Min(ThreadsMax, _entries.Count))
            {
                var thread = new Thread(Run) { Name = "name-resolver", IsBackground = true };
                _threads.Add(thread);
                thread.Start();
            }

            Monitor.PulseAll(_entries);
        }
    }

    /// <summary>Looks after nothing any more. A question that is under way ends by itself, and its answer is nobody's.</summary>
    public void Dispose()
    {
        lock (_entries)
        {
            _isOver = true;
            Monitor.PulseAll(_entries);
        }
    }

    private void Run()
    {
        while (TryTake(out Entry? entry))
        {
            if (entry is null)
            {
                Answered?.Invoke();
            }
            else
            {
                Ask(entry);
            }
        }
    }

    /// <summary>Waits until there is something to do: a name to ask for or, where that is null, news to tell. False at the end.</summary>
    private bool TryTake(out Entry? entry)
    {
        lock (_entries)
        {
            while (!_isOver)
            {
                long nowMs = Environment.TickCount64;
                Entry? next = FindNext();
                bool isDue = next is not null && next.DueMs <= nowMs;
                if (_newsSinceMs >= 0 && (!isDue || nowMs - _newsSinceMs >= NewsWaitMs))
                {
                    _newsSinceMs = -1;
                    entry = null;
                    return true;
                }

                if (isDue)
                {
                    entry = next!;
                    entry.IsAsked = true;
                    return true;
                }

                Monitor.Wait(_entries, next is null ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(next.DueMs - nowMs));
            }

            entry = null;
            return false;
        }
    }

    /// <summary>What is to be asked for next, now or later; null for nothing that may be. Under the lock.</summary>
    private Entry? FindNext()
    {
        int failing = 0;
        int unproven = 0;
        foreach (Entry asked in _entries.Values)
        {
            failing += asked is { IsAsked: true, Failures: > 0 } ? 1 : 0;
            unproven += asked is { IsAsked: true } and ({ Failures: > 0 } or { Answer: null }) ? 1 : 0;
        }

        return _entries.Values
            .Where(candidate => !candidate.IsAsked
                && (candidate.Failures == 0 || failing < FailingMax)
                && (candidate is { Failures: 0, Answer: not null } || unproven < UnprovenMax))
            .MinBy(candidate => candidate.DueMs);
    }

    private void Ask(Entry entry)
    {
        NameAnswer? answer = null;
        string failure = "no address of it leads anywhere";
        try
        {
            answer = NameAnswer.Of(lookup.Find(entry.Name));
        }
        catch (Exception unknown) when (unknown is SocketException or ArgumentException)
        {
            failure = unknown.Message;
        }

        bool isFirstFailure;
        bool isRecovery;
        lock (_entries)
        {
            long nowMs = Environment.TickCount64;
            isFirstFailure = answer is null && entry.Failures == 0;
            isRecovery = answer is not null && entry.Failures > 0;
            entry.IsAsked = false;
            entry.Failures = answer is null ? entry.Failures + 1 : 0;
            entry.DueMs = nowMs + (answer is null
                ? Math.Min(_refreshMs, RetryMinMs << Math.Min(entry.Failures - 1, RetryDoublingsMax))
                : _refreshMs);
            if (answer is not null && entry.Answer?.IsSameAs(answer, entry.CountsFirst) != true)
            {
                entry.Answer = answer;
                _newsSinceMs = _newsSinceMs < 0 ? nowMs : _newsSinceMs;
            }

            // Others may wait until fewer of its kind are asked for.
            Monitor.PulseAll(_entries);
        }

        if (isFirstFailure)
        {
            Log.NameNotFound(logger, entry.Name, failure);
        }
        else if (isRecovery)
        {
            Log.NameFoundAgain(logger, entry.Name);
        }
    }

    private sealed class Entry(string name)
    {
        public string Name => name;

        public NameAnswer? Answer { get; set; }

        /// <summary>When it is asked for next; at once when it is new.</summary>
        public long DueMs { get; set; }

        /// <summary>Somebody is asking for it.</summary>
        public bool IsAsked { get; set; }

        /// <summary>Whether it matters which address is named first.</summary>
        public bool CountsFirst { get; set; }

        /// <summary>Since the last answer.</summary>
        public int Failures { get; set; }
    }
}
