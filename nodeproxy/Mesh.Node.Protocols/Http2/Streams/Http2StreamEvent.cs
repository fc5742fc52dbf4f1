namespace Mesh.Node.Protocols.Http2;

/// <summary>What moves a stream from state to state. HEADERS with END_STREAM is two events, the headers first.</summary>
public enum Http2StreamEvent
{
    SendHeaders,
    ReceiveHeaders,
    SendData,
    ReceiveData,
    SendEndStream,
    ReceiveEndStream,
    SendReset,
    ReceiveReset,
}
