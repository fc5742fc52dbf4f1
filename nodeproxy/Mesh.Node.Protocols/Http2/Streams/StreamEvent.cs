namespace Mesh.Node.Protocols.Http2.Streams;

/// <summary>What moves a stream from state to state. HEADERS with END_STREAM is two events, the headers first.</summary>
public enum StreamEvent
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
