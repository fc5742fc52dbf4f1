namespace Mesh.Node.Protocols.Http2;

/// <summary>What became of the bytes handed to <see cref="Http2Connection.Receive"/>.</summary>
public enum Http2ReceiveStatus
{
    /// <summary>All of them were taken.</summary>
    Ok,

    /// <summary>The connection has failed: flush the output, which ends with GOAWAY, and close the transport.</summary>
    ConnectionError,
}
