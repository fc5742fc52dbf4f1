using System.Runtime.InteropServices;

namespace Mesh.Node;

/// <summary>Turns SIGTERM and SIGINT into a cancellation, so that the process ends when it has put its things in order.</summary>
internal sealed class StopSignal : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly PosixSignalRegistration _onTerminate;
    private readonly PosixSignalRegistration _onInterrupt;

    public StopSignal()
    {
        _onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        _onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    }

    /// <summary>Cancelled by the first signal, or when <see cref="WaitAsync"/> has found that a part has ended.</summary>
    public CancellationToken Token => _stopping.Token;

    /// <summary>
    /// Waits for the first signal, or for a part of the process that ends before one came, as none should: what no longer does all it is
    /// there for is better ended, seen and started anew.
    /// </summary>
    /// <param name="parts">What runs for as long as the process.</param>
    /// <returns>Why a part ended; null after a signal.</returns>
    public async Task<Exception?> WaitAsync(params IEnumerable<Task> parts)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration registration = Token.Register(stopped.SetResult);
        Task first = await Task.WhenAny([stopped.Task, .. parts]);
        if (Token.IsCancellationRequested)
        {
            return null;
        }

        await _stopping.CancelAsync();
        return first.Exception?.InnerException ?? new InvalidOperationException("It ended although nobody had told it to.");
    }

    public void Dispose()
    {
        _onTerminate.Dispose();
        _onInterrupt.Dispose();
        _stopping.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        // The runtime would end the process at once.
        context.Cancel = true;
        _stopping.Cancel();
    }
}
