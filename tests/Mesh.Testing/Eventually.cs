using System.Diagnostics;

namespace Mesh.Testing;

/// <summary>
/// Waits for something to become true, for tests of processes that cannot be told to say when it is. Never a substitute for a signal.
/// </summary>
public static class Eventually
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <exception cref="TimeoutException">It did not within the time.</exception>
    public static Task TrueAsync(Func<bool> condition, TimeSpan limit, string? what = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return TrueAsync(() => Task.FromResult(condition()), limit, what);
    }

    /// <exception cref="TimeoutException">It did not within the time.</exception>
    public static async Task TrueAsync(Func<Task<bool>> condition, TimeSpan limit, string? what = null)
    {
        ArgumentNullException.ThrowIfNull(condition);
        long startedAt = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(startedAt) > limit)
            {
                throw new TimeoutException($"{what ?? "What was waited for"} did not come true within {limit.TotalSeconds} s.");
            }

            await Task.Delay(s_pause, TimeProvider.System);
        }
    }
}
