using System.Diagnostics;
using Xunit;

namespace Mesh.Node.Proxy.Tests.ControlPlane;

/// <summary>How tests wait for other threads.</summary>
internal static class TestTime
{
    /// <summary>Long enough for a loaded machine; nothing that works ever waits so long.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Waits until a condition on state of other threads holds.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(watch.Elapsed < Patience, $"Waited in vain: {what}.");
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        }
    }
}
