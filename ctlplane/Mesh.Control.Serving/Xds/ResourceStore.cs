using System.Collections.Immutable;

namespace Mesh.Control.Serving.Xds;

/// <summary>
/// The resources in force, by type. Writers publish whole types; streams read the current ones and wait for the next. Any thread.
/// </summary>
public sealed class ResourceStore(TimeProvider time)
{
    private readonly Lock _publishing = new();
    private ImmutableDictionary<string, TypeSnapshot> _current = ImmutableDictionary.Create<string, TypeSnapshot>(StringComparer.Ordinal);
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>Null until the type has been published once: nobody may conclude anything before that.</summary>
    public TypeSnapshot? Find(string typeUrl) => Volatile.Read(ref _current).GetValueOrDefault(typeUrl);

    /// <summary>All types at one moment: what was published together is seen together.</summary>
    public ImmutableDictionary<string, TypeSnapshot> Current => Volatile.Read(ref _current);

    /// <summary>Completes at the next publication. Take it before reading, or a publication in between is missed.</summary>
    public Task NextChange => Volatile.Read(ref _changed).Task;

    /// <summary>Replaces the given types, all at once.</summary>
    /// <returns>Whether anything differs from before.</returns>
    public bool Publish(IReadOnlyDictionary<string, IReadOnlyCollection<ServedResource>> resourcesByType)
    {
        TaskCompletionSource signal;
        lock (_publishing)
        {
            ImmutableDictionary<string, TypeSnapshot> next = _current;
            foreach ((string typeUrl, IReadOnlyCollection<ServedResource> resources) in resourcesByType)
            {
                if (TypeSnapshot.Next(next.GetValueOrDefault(typeUrl), resources, time.GetUtcNow()) is { } snapshot)
                {
                    next = next.SetItem(typeUrl, snapshot);
                }
            }

            if (ReferenceEquals(next, _current))
            {
                return false;
            }

            Volatile.Write(ref _current, next);
            signal = _changed;
            Volatile.Write(ref _changed, NewSignal());
        }

        signal.SetResult();
        return true;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
