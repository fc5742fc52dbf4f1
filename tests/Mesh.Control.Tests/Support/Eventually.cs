using Xunit;

namespace Mesh.Control.Tests.Support;

/// <summary>
/// Waits for what another thread or process is about to do, by looking again and again, up to a limit that means failure.
/// </summary>
internal static class Eventually
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(10);

    public static async Task TrueAsync(Func<Task<bool>> condition, string what)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < s_limit, $"Not within {s_limit.TotalSeconds:0} s: {what}");
            await Task.Delay(s_interval, TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    public static Task TrueAsync(Func<bool> condition, string what) => TrueAsync(() => Task.FromResult(condition()), what);
}
