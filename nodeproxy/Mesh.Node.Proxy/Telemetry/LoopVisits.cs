using System.Diagnostics;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Telemetry;

/// <summary>Asks every loop to run something and waits for the answers, for a limited time.</summary>
/// <remarks>How the admin side learns that loops turn, and how open connections report their bytes. Any thread but a loop's.</remarks>
public sealed class LoopVisits
{
    private readonly IReadOnlyList<EventLoop> _loops;
    private readonly TimeProvider _time;
    private readonly long[] _lagTicks;

    /// <summary>Visits <paramref name="loops"/>.</summary>
    public LoopVisits(IReadOnlyList<EventLoop> loops, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(loops);
        _loops = loops;
        _time = time;
        _lagTicks = new long[loops.Count];
    }

    /// <summary>How long the last answered visit of a loop waited for its turn.</summary>
    public TimeSpan Lag(int loopIndex) => new(Volatile.Read(ref _lagTicks[loopIndex]));

    /// <summary>Asks every loop to answer.</summary>
    /// <returns>The names of those that did not within <paramref name="limit"/>.</returns>
    public Task<IReadOnlyList<string>> AskAsync(TimeSpan limit) => VisitAsync(static _ => static () => true, limit);

    /// <summary>Runs a piece of work on every loop.</summary>
    /// <param name="workOf">
    /// The work for a loop. It runs on the loop's thread, turn after turn, until it answers that it is done.
    /// </param>
    /// <param name="limit">How long to wait. Work that is under way goes on; nobody waits for it any more.</param>
    /// <returns>The names of the loops that were not done in time.</returns>
    public async Task<IReadOnlyList<string>> VisitAsync(Func<EventLoop, Func<bool>> workOf, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(workOf);
        Visit[] visits = new Visit[_loops.Count];
        for (int index = 0; index < visits.Length; index++)
        {
            visits[index] = new Visit(this, _loops[index], workOf(_loops[index]));
            _loops[index].Post(visits[index]);
        }

        try
        {
            await Task.WhenAll(visits.Select(visit => visit.Done)).WaitAsync(limit, _time);
            return [];
        }
        catch (TimeoutException)
        {
            return [.. visits.Where(visit => !visit.Done.IsCompleted).Select(visit => visit.LoopName)];
        }
    }

    private sealed class Visit(LoopVisits owner, EventLoop loop, Func<bool> work) : LoopWork
    {
        // Asynchronously: whoever waits must not go on running on the loop's thread.
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly long _postedAt = Stopwatch.GetTimestamp();
        private bool _isBegun;

        public Task Done => _done.Task;

        public string LoopName => loop.Name;

        public override void Run()
        {
            if (!_isBegun)
            {
                _isBegun = true;
                Volatile.Write(ref owner._lagTicks[loop.Index], Stopwatch.GetElapsedTime(_postedAt).Ticks);
            }

            if (work())
            {
                _done.TrySetResult();
            }
            else
            {
                loop.Post(this);
            }
        }
    }
}
