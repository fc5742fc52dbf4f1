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

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _stopping.Token;

    public async Task WaitAsync()
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration registration = Token.Register(stopped.SetResult);
        await stopped.Task;
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
