using System.Text.Json.Nodes;
using Mesh.Cni.Contract;
using Xunit;

namespace Mesh.Cni.Tests;

/// <summary>
/// Goal: connecting, asking and hearing together take no longer than configured. Method: a clock that goes on by a fixed step whenever it
/// is read, which is once at the beginning and once before each of the three.
/// </summary>
public sealed class AgentWaitTests
{
    [Theory]
    [InlineData(1, 0)]
    [InlineData(20, 0)]
    [InlineData(41, CniErrorCode.TryAgainLater)]
    [InlineData(61, CniErrorCode.TryAgainLater)]
    [InlineData(121, CniErrorCode.TryAgainLater)]
    public void The_limit_is_one_for_all_that_the_agent_is_waited_for(int stepSeconds, int code)
    {
        using AgentInMiniature agent = new(_ => CniMessages.Encode(CniAnswer.Success));
        PluginUnderTest plugin = NewPlugin(agent, TimeSpan.FromSeconds(stepSeconds));
        if (code == 0)
        {
            Assert.Equal(0, plugin.Run().Status);
            return;
        }

        (int failed, string text) = plugin.Fail();
        Assert.Equal(code, failed);
        Assert.Contains("no answer within 120 s", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_is_waited_for_as_long_as_is_left()
    {
        using ManualResetEventSlim over = new();
        using AgentInMiniature silent = new(_ =>
        {
            over.Wait();
            return [];
        });

        // Three steps leave 0.3 s of 120 for the answer; the test's own limit is far from both.
        PluginUnderTest plugin = NewPlugin(silent, TimeSpan.FromSeconds(39.9));
        try
        {
            CancellationToken cancellation = TestContext.Current.CancellationToken;
            (int code, _) = await Task.Run(plugin.Fail, cancellation).WaitAsync(TimeSpan.FromSeconds(60), cancellation);
            Assert.Equal(CniErrorCode.TryAgainLater, code);
        }
        finally
        {
            over.Set();
        }
    }

    private static PluginUnderTest NewPlugin(AgentInMiniature agent, TimeSpan step)
    {
        PluginUnderTest plugin = new() { Clock = new SteppingClock(step) };
        plugin.Change(("meshNode", new JsonObject { ["socketPath"] = agent.SocketPath, ["timeoutSeconds"] = 120 }));
        return plugin;
    }

    private sealed class SteppingClock(TimeSpan step) : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks += step.Ticks;
    }
}
