namespace Mesh.Node.Protocols.Http2.Streams;

/// <summary>The figure of RFC 9113 §5.1 as a function. Pure: what to do about a refusal is the connection's business.</summary>
public static class StreamStateMachine
{
    /// <summary>Says where <paramref name="on"/> leads from <paramref name="from"/>, or that it may not happen there.</summary>
    public static bool TryMove(Http2StreamState from, StreamEvent on, out Http2StreamState to)
    {
        to = from;
        switch (from, on)
        {
            case (Http2StreamState.Idle, StreamEvent.SendHeaders or StreamEvent.ReceiveHeaders):
                to = Http2StreamState.Open;
                return true;

            case (Http2StreamState.Open, StreamEvent.SendHeaders or StreamEvent.SendData):
            case (Http2StreamState.Open, StreamEvent.ReceiveHeaders or StreamEvent.ReceiveData):
            case (Http2StreamState.HalfClosedRemote, StreamEvent.SendHeaders or StreamEvent.SendData):
            case (Http2StreamState.HalfClosedLocal, StreamEvent.ReceiveHeaders or StreamEvent.ReceiveData):
                return true;

            case (Http2StreamState.Open, StreamEvent.SendEndStream):
                to = Http2StreamState.HalfClosedLocal;
                return true;

            case (Http2StreamState.Open, StreamEvent.ReceiveEndStream):
                to = Http2StreamState.HalfClosedRemote;
                return true;

            case (Http2StreamState.HalfClosedRemote, StreamEvent.SendEndStream):
            case (Http2StreamState.HalfClosedLocal, StreamEvent.ReceiveEndStream):
                to = Http2StreamState.Closed;
                return true;

            case (Http2StreamState.Open or Http2StreamState.HalfClosedLocal or Http2StreamState.HalfClosedRemote,
                StreamEvent.SendReset or StreamEvent.ReceiveReset):
                to = Http2StreamState.Closed;
                return true;

            // Two RST_STREAM frames may cross on the wire; the second changes nothing.
            case (Http2StreamState.Closed, StreamEvent.ReceiveReset):
                return true;

            default:
                return false;
        }
    }
}
