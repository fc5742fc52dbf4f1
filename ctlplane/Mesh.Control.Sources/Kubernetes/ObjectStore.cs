using System.Collections.Immutable;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>
/// What is known of the API server's objects, written by one reflector for each kind and read as snapshots. An object that was sent again
/// and says the same stays the same instance. Any thread.
/// </summary>
internal sealed class ObjectStore
{
    private static readonly Origin s_origin = new("kubernetes", Line: 0);

    private readonly Lock _lock = new();
    private readonly SortedDictionary<ObjectKey, ReceivedObject> _objects = new(Comparer<ObjectKey>.Create(ObjectKey.Compare));
    private readonly Dictionary<string, KindState> _kinds;
    private TaskCompletionSource _changed = NewSignal();

    public ObjectStore(IEnumerable<WatchedKind> kinds) =>
        _kinds = kinds.ToDictionary(kind => kind.Resource, _ => new KindState(), StringComparer.Ordinal);

    /// <summary>Whether some kind cannot be followed now.</summary>
    public bool HasProblem
    {
        get
        {
            lock (_lock)
            {
                return _kinds.Values.Any(state => state.Problem is not null);
            }
        }
    }

    /// <summary>Ends at the next change after the call.</summary>
    public Task Changed
    {
        get
        {
            lock (_lock)
            {
                return _changed.Task;
            }
        }
    }

    /// <summary>Everything there is of a kind. None when the kind is not served.</summary>
    /// <param name="kind">Whose.</param>
    /// <param name="objects">All of them.</param>
    /// <param name="unreadable">What could not even be named, in words.</param>
    public void Replace(WatchedKind kind, IEnumerable<ReceivedObject> objects, IReadOnlyList<string> unreadable)
    {
        lock (_lock)
        {
            KindState state = _kinds[kind.Resource];
            bool changed = !state.IsKnown || state.Problem is not null || !state.Unreadable.SequenceEqual(unreadable);
            state.IsKnown = true;
            state.Problem = null;
            state.Unreadable = unreadable;
            var gone = _objects.Keys.Where(key => key.Kind == kind.Kind && key.Group == kind.Group).ToHashSet();
            foreach (ReceivedObject received in objects)
            {
                gone.Remove(received.Key);
                changed |= PutLocked(kind, received);
            }

            foreach (ObjectKey key in gone)
            {
                changed |= RemoveLocked(kind, key);
            }

            SignalIf(changed);
        }
    }

    public void Put(WatchedKind kind, ReceivedObject received)
    {
        lock (_lock)
        {
            SignalIf(PutLocked(kind, received));
        }
    }

    public void Remove(WatchedKind kind, ObjectKey key)
    {
        lock (_lock)
        {
            SignalIf(RemoveLocked(kind, key));
        }
    }

    /// <summary>Says why a kind cannot be followed now; null once it can. What was known of it stays.</summary>
    public void Report(WatchedKind kind, string? problem)
    {
        lock (_lock)
        {
            KindState state = _kinds[kind.Resource];
            bool changed = state.Problem != problem;
            state.Problem = problem;
            SignalIf(changed);
        }
    }

    /// <summary>Whether it is known what there is of a kind.</summary>
    public bool IsKnown(WatchedKind kind)
    {
        lock (_lock)
        {
            return _kinds[kind.Resource].IsKnown;
        }
    }

    /// <summary>Whether nothing of a kind is held.</summary>
    public bool IsEmpty(WatchedKind kind)
    {
        lock (_lock)
        {
            return _kinds[kind.Resource].Count == 0;
        }
    }

    public ManifestSnapshot Snapshot()
    {
        lock (_lock)
        {
            ImmutableArray<Diagnostic>.Builder diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
            foreach ((string resource, KindState state) in _kinds.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                if (state.Problem is { } problem)
                {
                    diagnostics.Add(state.IsKnown
                        ? Say(DiagnosticSeverity.Warning, resource, problem, "What was read before stays in force.")
                        : Say(DiagnosticSeverity.Error, resource, problem, "No configuration is applied until it can be read."));
                }
                else if (!state.IsKnown)
                {
                    diagnostics.Add(Say(DiagnosticSeverity.Note, resource, "Not read yet.", string.Empty));
                }

                diagnostics.AddRange(state.Unreadable.Distinct()
                    .Select(reason => Say(DiagnosticSeverity.Error, resource, reason, "The object is left out.")));
            }

            diagnostics.AddRange(_objects.Values.Select(received => received.Problem).OfType<Diagnostic>());
            return new ManifestSnapshot(
                [.. _objects.Values.Select(received => received.Object)],
                diagnostics.ToImmutable(),
                _kinds.Values.All(state => state.IsKnown));
        }
    }

    /// <returns>Whether it says anything new.</returns>
    private bool PutLocked(WatchedKind kind, ReceivedObject received)
    {
        if (!_objects.TryGetValue(received.Key, out ReceivedObject? known))
        {
            _objects.Add(received.Key, received);
            Count(kind, difference: 1);
            return true;
        }

        // The bytes of what says the same are let go; of what cannot be read, what could be stays.
        bool isSame = received.Problem is not null
            || (received.Object.ApiVersion == known.Object.ApiVersion && RawJson.AreSame(received.Object.Fields, known.Object.Fields));
        _objects[received.Key] = isSame ? received with { Object = known.Object } : received;
        return !isSame || received.Problem != known.Problem;
    }

    private bool RemoveLocked(WatchedKind kind, ObjectKey key)
    {
        if (!_objects.Remove(key))
        {
            return false;
        }

        Count(kind, difference: -1);
        return true;
    }

    private void Count(WatchedKind kind, int difference)
    {
        _kinds[kind.Resource].Count += difference;
        SourceMetrics.CountObjects(kind, difference);
    }

    private void SignalIf(bool changed)
    {
        if (changed)
        {
            TaskCompletionSource signalled = _changed;
            _changed = NewSignal();
            signalled.SetResult();
        }
    }

    private static Diagnostic Say(DiagnosticSeverity severity, string resource, string reason, string hint) =>
        new(severity, s_origin, Object: null, resource, reason, hint);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class KindState
    {
        public bool IsKnown { get; set; }

        /// <summary>Objects held.</summary>
        public int Count { get; set; }

        public string? Problem { get; set; }

        public IReadOnlyList<string> Unreadable { get; set; } = [];
    }
}
