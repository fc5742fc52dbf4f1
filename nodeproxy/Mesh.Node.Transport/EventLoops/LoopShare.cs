namespace Mesh.Node.Transport.EventLoops;

/// <summary>
/// The part one workload has in a loop: its sockets that are ready and its handlers that were put off wait here, apart from those of
/// others, and the loop goes from share to share. A workload with a thousand busy connections thus delays another's by one piece of
/// work, and not by a thousand.
/// </summary>
/// <remarks>Belongs to its loop's thread. Holds nothing but memory: one that is not used any more is simply forgotten.</remarks>
public sealed class LoopShare
{
    private readonly Queue<ulong> _ready = new();
    private readonly Queue<IReadyHandler> _deferred = new();
    private bool _tookReady;

    internal LoopShare(EventLoop loop)
    {
        Loop = loop;
    }

    /// <summary>The loop it is a part of.</summary>
    public EventLoop Loop { get; }

    /// <summary>
    /// Time it may still use before others get theirs, in ticks of <see cref="System.Diagnostics.Stopwatch"/>; below 0 it is owed.
    /// </summary>
    internal long CreditTicks { get; set; }

    /// <summary>Whether it stands in a line of <see cref="ShareOrder"/>.</summary>
    internal bool IsInLine { get; set; }

    internal bool IsEmpty => _ready.Count == 0 && _deferred.Count == 0;

    internal void AddReady(ulong token) => _ready.Enqueue(token);

    internal void AddDeferred(IReadyHandler handler) => _deferred.Enqueue(handler);

    /// <summary>
    /// Takes the next piece of work: a token, or a handler where one was put off. They take turns, so that neither what is new waits for
    /// much that was put off, nor the reverse. Not to be called on an empty share.
    /// </summary>
    internal IReadyHandler? Take(out ulong token)
    {
        _tookReady = _deferred.Count == 0 || (_ready.Count > 0 && !_tookReady);
        if (_tookReady)
        {
            token = _ready.Dequeue();
            return null;
        }

        token = 0;
        return _deferred.Dequeue();
    }
}
