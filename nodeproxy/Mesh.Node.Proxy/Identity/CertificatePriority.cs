namespace Mesh.Node.Proxy.Identity;

/// <summary>Who goes first when more certificates are wanted than may be asked for at once.</summary>
internal enum CertificatePriority
{
    /// <summary>A connection waits for it.</summary>
    RealTime,

    /// <summary>A workload of this node will need it.</summary>
    Warmup,

    /// <summary>One is there and is renewed.</summary>
    Background,
}
