using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cluster;

/// <summary>What became of an attempt to tell an object of itself.</summary>
internal enum TellingOutcome
{
    /// <summary>The object has it now, or is gone.</summary>
    Told,

    /// <summary>The object is of a newer version than is known here.</summary>
    IsNewer,

    Failed,
}

/// <summary>
/// Whose turn it is to be told. One that fails again and again is tried less and less often, and comes after those that never had a turn,
/// so that a kind that may not be written keeps nothing from the others. Used by one thread.
/// </summary>
internal sealed class StatusSchedule
{
    /// <summary>After which a status is looked at again: somebody may have changed it.</summary>
    private static readonly TimeSpan s_checkInterval = TimeSpan.FromMinutes(30);

    /// <summary>After the first failure; it doubles with each in a row.</summary>
    private static readonly TimeSpan s_retryFirst = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_retryLast = TimeSpan.FromMinutes(5);

    private readonly Dictionary<ObjectKey, Telling> _done = [];

    /// <summary>Forgets everything: another may have written meanwhile.</summary>
    public void Clear() => _done.Clear();

    /// <summary>Forgets what is not among these.</summary>
    public void Keep(ICollection<ObjectKey> keys)
    {
        HashSet<ObjectKey> kept = [.. keys];
        foreach (ObjectKey gone in _done.Keys.Where(key => !kept.Contains(key)).ToList())
        {
            _done.Remove(gone);
        }
    }

    /// <summary>The first of those that are due: those with news, then the longest due.</summary>
    /// <param name="wanted">What each is to be told.</param>
    /// <param name="countMax">How many.</param>
    /// <param name="now">The time.</param>
    public List<KeyValuePair<ObjectKey, WantedStatus>> NextDue(
        IReadOnlyDictionary<ObjectKey, WantedStatus> wanted, int countMax, DateTimeOffset now) =>
    [
        .. wanted.Select(entry => (Entry: entry, DueAt: DueAt(entry.Key, entry.Value.Text)))
            .Where(due => due.DueAt <= now)
            .OrderBy(due => due.DueAt)
            .Take(countMax)
            .Select(due => due.Entry),
    ];

    /// <summary>To be called after each attempt.</summary>
    public void Report(ObjectKey key, string text, TellingOutcome outcome, DateTimeOffset now)
    {
        int failures = outcome == TellingOutcome.Failed ? _done.GetValueOrDefault(key).Failures + 1 : 0;
        _done[key] = new Telling(text, now + (outcome == TellingOutcome.Told ? s_checkInterval : RetryAfter(failures)), failures);
    }

    private DateTimeOffset DueAt(ObjectKey key, string text) =>
        _done.TryGetValue(key, out Telling done) && (done.Text == text || done.Failures > 0) ? done.DueAt : DateTimeOffset.MinValue;

    private static TimeSpan RetryAfter(int failures)
    {
        TimeSpan doubled = s_retryFirst * Math.Pow(2, Math.Clamp(failures - 1, 0, 16));
        return doubled < s_retryLast ? doubled : s_retryLast;
    }

    /// <param name="Text">What was to be told.</param>
    /// <param name="DueAt">When it is looked at again.</param>
    /// <param name="Failures">In a row; 0 when it was told.</param>
    private readonly record struct Telling(string Text, DateTimeOffset DueAt, int Failures);
}
