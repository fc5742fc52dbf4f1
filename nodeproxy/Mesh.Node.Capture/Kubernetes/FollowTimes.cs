namespace Mesh.Node.Capture.Kubernetes;

/// <summary>Limits and times of following the API server. Tests take shorter ones.</summary>
internal sealed record FollowTimes
{
    /// <summary>How long one watch is asked to last, a random part of a half less.</summary>
    public TimeSpan Watch { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A watch that says nothing for this long, no bookmark either, which come every minute, is begun anew.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long any other answer may take.</summary>
    public TimeSpan Answer { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Everything is listed anew this often, a random part of a half less, whatever watches said.</summary>
    public TimeSpan Resync { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The first wait after a failure; it doubles up to <see cref="RetryLast"/>.</summary>
    public TimeSpan RetryFirst { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan RetryLast { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>From the half of a duration to the whole of it: those who failed together must not come back together.</summary>
    public static TimeSpan Jitter(TimeSpan duration) => duration * (0.5 + (Random.Shared.NextDouble() / 2));
}
