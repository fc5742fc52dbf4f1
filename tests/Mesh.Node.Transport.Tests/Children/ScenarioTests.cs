using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Transport.Tests.Children;

/// <summary>Deaths and shortages, each in a process of its own: what must be fatal is, and what must not be is survived.</summary>
public sealed class ScenarioTests
{
    // The runtime itself has some hundred descriptors open under test.
    private static readonly string[] s_fewDescriptors = ["sh", "-c", "ulimit -n 256; exec \"$0\" \"$@\""];

    [Fact]
    public async Task A_stuck_loop_ends_the_process_and_says_which_and_for_how_long()
    {
        ChildResult child = await ChildProcess.RunAsync(nameof(Scenarios.ALoopIsStuckAsync));
        Assert.Equal(ChildProcess.AbortedExitCode, child.ExitCode);
        Assert.Matches("Event loop mesh-loop-1 has been in one turn for [0-9]+ s", child.Text);
    }

    [Theory]
    [InlineData(nameof(Scenarios.WorkThrowsAsync), "thrown by work")]
    [InlineData(nameof(Scenarios.ATimerThrowsAsync), "thrown by a timer")]
    [InlineData(nameof(Scenarios.AHandlerThrowsAsync), "thrown by a handler")]
    public async Task An_exception_that_escapes_a_callback_ends_the_process_and_is_shown(string scenario, string message)
    {
        ChildResult child = await ChildProcess.RunAsync(scenario);
        Assert.Equal(ChildProcess.AbortedExitCode, child.ExitCode);
        Assert.Contains("Event loop loop-under-test failed", child.Text, StringComparison.Ordinal);
        Assert.Contains(message, child.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_thread_that_touches_a_loop_ends_a_debug_build()
    {
        ChildResult child = await ChildProcess.RunAsync(nameof(Scenarios.AnotherThreadTouchesALoopAsync));
#if DEBUG
        Assert.Equal(ChildProcess.AbortedExitCode, child.ExitCode);
        Assert.Contains("This belongs to a loop; the caller is on another thread.", child.Text, StringComparison.Ordinal);
#else
        Assert.Equal((0, ""), (child.ExitCode, child.Text));
#endif
    }

    [Fact]
    public async Task A_connection_that_found_no_descriptor_is_accepted_when_there_is_one()
    {
        ChildResult child = await ChildProcess.RunAsync(nameof(Scenarios.DescriptorsRunOutAtAcceptAsync), s_fewDescriptors);
        Assert.Equal((0, ""), (child.ExitCode, child.Text));
    }

    [Fact]
    public async Task A_relay_without_descriptors_for_a_pipe_copies_and_splices_later()
    {
        ChildResult child = await ChildProcess.RunAsync(nameof(Scenarios.DescriptorsRunOutUnderARelayAsync), s_fewDescriptors);
        Assert.Equal((0, ""), (child.ExitCode, child.Text));
    }

    [LabFact]
    public async Task A_relay_whose_user_has_no_pipe_pages_left_copies()
    {
        ChildResult child = await ChildProcess.RunAsync(nameof(Scenarios.PipePagesRunOutUnderARelayAsync), "unshare", "-Ur");
        Assert.Equal((0, ""), (child.ExitCode, child.Text));
    }
}
