using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Tests;

/// <summary>A real loop on a real thread, and a way to run test code on it.</summary>
public sealed class LoopFixture(EventLoopOptions? options = null) : IDisposable
{
    public EventLoop Loop { get; } = EventLoop.Start("test-loop", 0, options ?? new EventLoopOptions());

    public Task<T> RunAsync<T>(Func<T> body)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Loop.Post(() =>
        {
            try
            {
                done.SetResult(body());
            }
            catch (Exception fault)
            {
                done.SetException(fault);
            }
        });
        return done.Task;
    }

    public Task<T> RunAsync<T>(Func<ValueTask<T>> body)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Loop.Post(() => Forward(body, done));
        return done.Task;
    }

    public void Dispose() => Loop.Dispose();

    private static async void Forward<T>(Func<ValueTask<T>> body, TaskCompletionSource<T> done)
    {
        try
        {
            done.SetResult(await body());
        }
        catch (Exception fault)
        {
            done.SetException(fault);
        }
    }
}
