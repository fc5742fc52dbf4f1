namespace Mesh.Node.Capture;

/// <summary>What is captured, and how. Section <c>capture</c> of the node's configuration file; annotations of a pod add to it.</summary>
public sealed class CaptureOptions
{
    /// <summary>How connections reach the proxy.</summary>
    public CaptureMode Mode { get; set; } = CaptureMode.Tproxy;

    /// <summary>Which rule interface is used on this node.</summary>
    public CaptureBackend Backend { get; set; } = CaptureBackend.Auto;

    /// <summary>Destinations that pods reach uncaptured: addresses or CIDRs of either family.</summary>
    public IReadOnlyList<string> ExcludedOutboundCidrs { get; set; } = [];

    /// <summary>Destination ports that pods reach uncaptured, 1 to 65535.</summary>
    public IReadOnlyList<int> ExcludedOutboundPorts { get; set; } = [];

    /// <summary>Sources whose connections reach pods uncaptured, and so without policy: addresses or CIDRs of either family.</summary>
    public IReadOnlyList<string> ExcludedInboundCidrs { get; set; } = [];

    /// <summary>Ports of pods that are reached uncaptured, and so without policy, 1 to 65535.</summary>
    public IReadOnlyList<int> ExcludedInboundPorts { get; set; } = [];

    /// <summary>
    /// Whether what pods ask of DNS servers is answered by the proxy where it is about names of the mesh, and sent on to the server
    /// otherwise.
    /// </summary>
    public bool Dns { get; set; } = true;

    /// <summary>How often the rules of each pod are read back and compared. Seconds, 1 to 3600.</summary>
    public int VerifyIntervalSeconds { get; set; } = 60;

    /// <summary>How long a pod that leaves the mesh may finish what was captured before its rules go. Seconds, 0 to 300.</summary>
    public int DrainSeconds { get; set; } = 5;
}
