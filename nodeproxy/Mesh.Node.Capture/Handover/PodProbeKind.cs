namespace Mesh.Node.Capture.Handover;

/// <summary>How a health probe asks.</summary>
public enum PodProbeKind
{
    /// <summary>A GET of one path.</summary>
    Http,

    /// <summary>The gRPC health service.</summary>
    Grpc,

    /// <summary>A connection that opens.</summary>
    Tcp,
}
