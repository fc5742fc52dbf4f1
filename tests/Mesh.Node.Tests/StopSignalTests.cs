using Xunit;

namespace Mesh.Node.Tests;

/// <summary>When the process ends: when it is told to, and when a part of it no longer does what it is there for.</summary>
public sealed class StopSignalTests
{
    [Fact]
    public async Task A_part_that_fails_stops_the_process_and_says_why()
    {
        using var stop = new StopSignal();
        var part = new TaskCompletionSource();
        Task<Exception?> waiting = stop.WaitAsync(new TaskCompletionSource().Task, part.Task);
        Assert.False(waiting.IsCompleted);
        Assert.False(stop.Token.IsCancellationRequested);

        var fault = new InvalidOperationException("a mistake of ours");
        part.SetException(fault);

        Assert.Same(fault, await waiting);
        Assert.True(stop.Token.IsCancellationRequested);
    }

    [Fact]
    public async Task A_part_that_ends_by_itself_stops_the_process_too()
    {
        using var stop = new StopSignal();

        Assert.NotNull(await stop.WaitAsync(Task.CompletedTask));
        Assert.True(stop.Token.IsCancellationRequested);
    }
}
