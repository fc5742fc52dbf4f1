using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Loops;

/// <summary>Brings the result of work done elsewhere back to the loop that waits for it.</summary>
internal static class LoopTask
{
    /// <summary>
    /// Waits on the loop for a task that other threads complete; the rest of the caller runs on the loop again. A task that fails or is
    /// cancelled comes back as <paramref name="otherwise"/>: whoever runs it reports the failure, the connection only needs to know.
    /// </summary>
    public static ValueTask<T> AwaitAsync<T>(this EventLoop loop, Task<T> task, T otherwise)
    {
        if (task.IsCompletedSuccessfully)
        {
#pragma warning disable VSTHRD103, RS0030 // It has completed: nothing blocks.
            return ValueTask.FromResult(task.Result);
#pragma warning restore VSTHRD103, RS0030
        }

        var completion = new LoopCompletion<T>(loop);
        ValueTask<T> result = completion.WaitAsync();
        _ = task.ContinueWith(
            (done, state) =>
            {
#pragma warning disable VSTHRD103, VSTHRD002, RS0030 // It has completed: nothing blocks.
                T value = done.IsCompletedSuccessfully ? done.Result : otherwise;
#pragma warning restore VSTHRD103, VSTHRD002, RS0030
                ((EventLoop)state!).Post(() => completion.TryComplete(value));
            },
            loop,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return result;
    }
}
