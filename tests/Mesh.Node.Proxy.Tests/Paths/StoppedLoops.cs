using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>Keeps loops inside a turn until disposed, so that what happens meanwhile meets them all at once in the next.</summary>
internal sealed class StoppedLoops : IDisposable
{
    private readonly ManualResetEventSlim _go = new();

    /// <summary>Returns once every loop stands.</summary>
    public StoppedLoops(IReadOnlyList<EventLoop> loops)
    {
        using var standing = new CountdownEvent(loops.Count);
        foreach (EventLoop loop in loops)
        {
            loop.Post(() =>
            {
                standing.Signal();
                _go.Wait();
            });
        }

        standing.Wait();
    }

    /// <summary>How long they may stand: a loop that stands longer ends the process.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromSeconds(15);

    public void Dispose() => _go.Set();
}
