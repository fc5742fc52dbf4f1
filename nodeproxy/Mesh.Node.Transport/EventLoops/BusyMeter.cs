using System.Diagnostics;

namespace Mesh.Node.Transport.EventLoops;

/// <summary>How busy a loop was lately, measured over windows of 100 ms or a little more.</summary>
/// <remarks>Written by the loop thread, read by any: all that readers see is one 64-bit number, so no reading is torn.</remarks>
internal sealed class BusyMeter(long nowTicks)
{
    private const int WindowMs = 100;
    private const int PermilleBits = 10;
    private static readonly long s_ticksPerMs = Stopwatch.Frequency / 1000;

    private long _windowStartedTicks = nowTicks;
    private long _busyTicksBefore;

    // When the last window ended, in milliseconds, above; its busy share below.
    private long _published = nowTicks / s_ticksPerMs << PermilleBits;

    /// <summary>Loop thread, after each turn.</summary>
    /// <param name="nowTicks">Stopwatch ticks.</param>
    /// <param name="busyTicks">Ticks spent in turns so far, this one included.</param>
    public void OnTurnEnd(long nowTicks, long busyTicks)
    {
        long windowTicks = nowTicks - _windowStartedTicks;
        if (windowTicks < WindowMs * s_ticksPerMs)
        {
            return;
        }

        long permille = Math.Clamp((busyTicks - _busyTicksBefore) * 1000 / windowTicks, 0, 1000);
        Volatile.Write(ref _published, (nowTicks / s_ticksPerMs << PermilleBits) | permille);
        _windowStartedTicks = nowTicks;
        _busyTicksBefore = busyTicks;
    }

    /// <summary>0 to 1000. Any thread.</summary>
    /// <param name="nowTicks">Stopwatch ticks.</param>
    /// <param name="inTurnMs">How long the turn now running has lasted; 0 while the loop waits.</param>
    public int Permille(long nowTicks, long inTurnMs)
    {
        long published = Volatile.Read(ref _published);
        long ageMs = (nowTicks / s_ticksPerMs) - (published >> PermilleBits);

        // A loop that turns closes a window every 100 ms. One that has not for two of them slept, but for the turn it may be in.
        return ageMs <= 2 * WindowMs
            ? (int)(published & ((1 << PermilleBits) - 1))
            : (int)Math.Clamp(inTurnMs * 1000 / ageMs, 0, 1000);
    }
}
