using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>Looks at what the client of a tunnel's stream begins with, among the bytes that are held until somebody takes them.</summary>
/// <remarks>One connection's, for one look; belongs to its loop.</remarks>
internal sealed class StreamPeek(EarlyData held, EventLoop loop) : ITimerHandler
{
    private readonly LoopCompletion<PeekResult> _looked = new(loop);
    private readonly FirstBytes _first = new();

    /// <summary>Waits until it is known what the client speaks, or will not be.</summary>
    /// <param name="timeLimit">For all of it.</param>
    /// <param name="isServerFirst">
    /// The client is not expected to speak (<see cref="PortHints"/>): unless it has begun already, nothing is waited for.
    /// </param>
    public async ValueTask<PeekResult> WaitAsync(TimeSpan timeLimit, bool isServerFirst = false)
    {
        if (TryLook() || (isServerFirst && _first.SoFar.Outcome == PeekOutcome.Silent))
        {
            return _first.SoFar;
        }

        var timer = new LoopTimer(loop, this);
        timer.Arm(timeLimit);
        PeekResult result = await _looked.WaitAsync();
        timer.Cancel();
        return result;
    }

    /// <summary>More is held than before, or the client has ended.</summary>
    public void OnHeld()
    {
        if (TryLook())
        {
            _looked.TryComplete(_first.SoFar);
        }
    }

    /// <summary>The server has spoken, so its client is not waited for any longer.</summary>
    public void OnServerSpoke() => _looked.TryComplete(_first.SoFar);

    /// <summary>Gives the look up.</summary>
    public void Cancel() => _looked.TryComplete(PeekResult.Undecided(PeekOutcome.Broken));

    void ITimerHandler.OnTimer(LoopTimer timer) => _looked.TryComplete(_first.SoFar);

    private bool TryLook()
    {
        // The first block is as long as anything that is ever looked at.
        ReadOnlySpan<byte> first = held.First;
        if (!first.IsEmpty)
        {
            return _first.TryDecide(first) || held.IsEnded;
        }

        if (held.IsEnded)
        {
            _first.End(PeekOutcome.Finished);
        }

        return held.IsEnded;
    }
}
