namespace Mesh.Node.Protocols.Sniffing;

/// <summary>How far a ClientHello was read.</summary>
public enum ClientHelloStatus
{
    /// <summary>It is not there whole.</summary>
    NeedMore,

    /// <summary>It was read.</summary>
    Complete,

    /// <summary>It is none, or breaks its rules, or is larger than any client's.</summary>
    Malformed,
}
