using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Streams;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>
/// Goal: a stream never moves in a way RFC 9113 §5.1 does not draw. Method: the figure is the table below; every
/// (state, event) pair outside it must be refused, so a new state or event is refused until somebody decides.
/// </summary>
public sealed class StreamStateTests
{
    private static readonly Dictionary<(Http2StreamState From, StreamEvent On), Http2StreamState> s_drawn = new()
    {
        [(Http2StreamState.Idle, StreamEvent.SendHeaders)] = Http2StreamState.Open,
        [(Http2StreamState.Idle, StreamEvent.ReceiveHeaders)] = Http2StreamState.Open,

        [(Http2StreamState.Open, StreamEvent.SendHeaders)] = Http2StreamState.Open,
        [(Http2StreamState.Open, StreamEvent.ReceiveHeaders)] = Http2StreamState.Open,
        [(Http2StreamState.Open, StreamEvent.SendData)] = Http2StreamState.Open,
        [(Http2StreamState.Open, StreamEvent.ReceiveData)] = Http2StreamState.Open,
        [(Http2StreamState.Open, StreamEvent.SendEndStream)] = Http2StreamState.HalfClosedLocal,
        [(Http2StreamState.Open, StreamEvent.ReceiveEndStream)] = Http2StreamState.HalfClosedRemote,
        [(Http2StreamState.Open, StreamEvent.SendReset)] = Http2StreamState.Closed,
        [(Http2StreamState.Open, StreamEvent.ReceiveReset)] = Http2StreamState.Closed,

        [(Http2StreamState.HalfClosedLocal, StreamEvent.ReceiveHeaders)] = Http2StreamState.HalfClosedLocal,
        [(Http2StreamState.HalfClosedLocal, StreamEvent.ReceiveData)] = Http2StreamState.HalfClosedLocal,
        [(Http2StreamState.HalfClosedLocal, StreamEvent.ReceiveEndStream)] = Http2StreamState.Closed,
        [(Http2StreamState.HalfClosedLocal, StreamEvent.SendReset)] = Http2StreamState.Closed,
        [(Http2StreamState.HalfClosedLocal, StreamEvent.ReceiveReset)] = Http2StreamState.Closed,

        [(Http2StreamState.HalfClosedRemote, StreamEvent.SendHeaders)] = Http2StreamState.HalfClosedRemote,
        [(Http2StreamState.HalfClosedRemote, StreamEvent.SendData)] = Http2StreamState.HalfClosedRemote,
        [(Http2StreamState.HalfClosedRemote, StreamEvent.SendEndStream)] = Http2StreamState.Closed,
        [(Http2StreamState.HalfClosedRemote, StreamEvent.SendReset)] = Http2StreamState.Closed,
        [(Http2StreamState.HalfClosedRemote, StreamEvent.ReceiveReset)] = Http2StreamState.Closed,

        // Two RST_STREAM frames may cross on the wire; the second changes nothing.
        [(Http2StreamState.Closed, StreamEvent.ReceiveReset)] = Http2StreamState.Closed,
    };

    [Fact]
    public void Every_pair_follows_the_figure_or_is_refused()
    {
        foreach (Http2StreamState from in Enum.GetValues<Http2StreamState>())
        {
            foreach (StreamEvent on in Enum.GetValues<StreamEvent>())
            {
                bool moved = StreamStateMachine.TryMove(from, on, out Http2StreamState to);

                if (s_drawn.TryGetValue((from, on), out Http2StreamState expected))
                {
                    Assert.True(moved, $"{from} must accept {on}.");
                    Assert.Equal(expected, to);
                }
                else
                {
                    Assert.False(moved, $"{from} must refuse {on}, but went to {to}.");
                    Assert.Equal(from, to);
                }
            }
        }
    }
}
