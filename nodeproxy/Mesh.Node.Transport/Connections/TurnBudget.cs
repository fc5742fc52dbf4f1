using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>What one direction of a connection may still do in this turn, however often it is asked to go on.</summary>
/// <remarks>A mutable struct: keep it in a field that is not readonly.</remarks>
internal struct TurnBudget(EventLoop loop, ConnectionOptions options)
{
    private long _turn = -1;
    private int _bytesLeft;
    private int _callsLeft;

    /// <summary>Takes one read or write; false when it must wait for the next turn.</summary>
    public bool TryTake()
    {
        if (_turn != loop.Turns)
        {
            _turn = loop.Turns;
            _bytesLeft = options.BytesPerTurnMax;
            _callsLeft = options.CallsPerTurnMax;
        }

        return _bytesLeft > 0 && _callsLeft-- > 0;
    }

    /// <summary>Counts bytes that were moved.</summary>
    public void Spend(int bytes) => _bytesLeft -= bytes;
}
