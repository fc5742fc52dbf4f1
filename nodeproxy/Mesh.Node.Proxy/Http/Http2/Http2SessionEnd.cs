namespace Mesh.Node.Proxy.Http.Http2;

/// <summary>How a session came to its end.</summary>
internal enum Http2SessionEnd
{
    /// <summary>It has not.</summary>
    None,

    /// <summary>In order: after GOAWAY of either side, or the peer closed it while no stream was open.</summary>
    Completed,

    /// <summary>In order, having been without a stream for too long.</summary>
    Idle,

    /// <summary>Its connection broke or ended inside a stream.</summary>
    Lost,

    /// <summary>The peer broke the rules of the protocol.</summary>
    ProtocolError,

    /// <summary>The peer made us work for nothing.</summary>
    Flood,

    /// <summary>The peer did not finish a header block in time.</summary>
    HeadTimeout,

    /// <summary>The peer was asked whether it is there and did not answer.</summary>
    PingTimeout,

    /// <summary>Its owner cut it off.</summary>
    Aborted,
}
