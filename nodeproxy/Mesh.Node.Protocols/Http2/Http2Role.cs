namespace Mesh.Node.Protocols.Http2;

/// <summary>Which side of an HTTP/2 connection an engine plays.</summary>
public enum Http2Role
{
    /// <summary>Sent the preface, opens the odd-numbered streams.</summary>
    Client,

    /// <summary>Expects the preface, answers on the streams the client opened.</summary>
    Server,
}
