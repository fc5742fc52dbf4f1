using Mesh.Interop.Linux;

namespace Mesh.Node.Transport.EventLoops;

/// <summary>Takes one step of a handshake when the loop's <see cref="HandshakeGate"/> lets it.</summary>
internal interface IHandshakeStep
{
    /// <summary>Runs on the loop thread, once for each <see cref="HandshakeGate.Step"/>.</summary>
    void OnStep();
}

/// <summary>
/// Bounds the TLS handshakes of one loop: how many have begun, because they cost memory before the peer is known, and how many steps are
/// taken in one turn, because each costs more time than thousands of relayed bytes.
/// </summary>
public sealed class HandshakeGate : IReadyHandler
{
    private readonly EventLoop _loop;
    private readonly int _max;
    private readonly int _stepsPerTurnMax;
    private readonly Queue<IHandshakeStep> _waiting = new();
    private long _turn = -1;
    private int _stepsLeft;

    internal HandshakeGate(EventLoop loop, int max, int stepsPerTurnMax)
    {
        _loop = loop;
        _max = max;
        _stepsPerTurnMax = stepsPerTurnMax;
    }

    /// <summary>A place was given back: listeners that were told to wait may look again. Loop thread.</summary>
    public event Action? RoomMade;

    /// <summary>Handshakes begun and not ended. Written by the loop thread, read by any.</summary>
    public int Count { get; private set; }

    /// <summary>Steps taken so far. Written by the loop thread, read by any.</summary>
    public long StepCount { get; private set; }

    /// <summary>Handshakes that may begin beside those that have. Written by the loop thread, read by any.</summary>
    public int RoomLeft => _max - Count;

    /// <summary>Whether a further handshake may begin.</summary>
    public bool HasRoom => RoomLeft > 0;

    /// <summary>Takes a place; false when all are taken and the caller must leave the connection in the listener's queue.</summary>
    public bool TryEnter()
    {
        if (!HasRoom)
        {
            return false;
        }

        Count++;
        return true;
    }

    /// <summary>Gives the place back, however the handshake ended.</summary>
    public void Leave()
    {
        Count--;
        RoomMade?.Invoke();
    }

    /// <summary>
    /// Lets a handshake take a step: at once while this turn has one left, else in a later turn, first come, first served.
    /// </summary>
    internal void Step(IHandshakeStep handshake)
    {
        _loop.AssertOnThread();
        if (_waiting.Count == 0 && TryTakeStep())
        {
            handshake.OnStep();
            return;
        }

        _waiting.Enqueue(handshake);
        if (_waiting.Count == 1)
        {
            _loop.RunNextTurnForAll(this);
        }
    }

    void IReadyHandler.OnReady(EpollEvents events)
    {
        // Dequeued after its step: whoever asks for one meanwhile stands behind, and the queue asks for one turn at a time.
        while (_waiting.TryPeek(out IHandshakeStep? next) && TryTakeStep())
        {
            next.OnStep();
            _waiting.Dequeue();
        }

        if (_waiting.Count > 0)
        {
            _loop.RunNextTurnForAll(this);
        }
    }

    private bool TryTakeStep()
    {
        if (_turn != _loop.Turns)
        {
            _turn = _loop.Turns;
            _stepsLeft = _stepsPerTurnMax;
        }

        if (_stepsLeft == 0)
        {
            return false;
        }

        _stepsLeft--;
        StepCount++;
        return true;
    }
}
