namespace Mesh.Node.Capture.Rules;

/// <summary>Where the proxy listens in each pod's namespace: ztunnel's ports.</summary>
public static class CapturePorts
{
    /// <summary>Captured outbound connections.</summary>
    public const ushort Outbound = 15001;

    /// <summary>Captured inbound plaintext.</summary>
    public const ushort InboundPlaintext = 15006;

    /// <summary>HBONE. A real port of the pod: never captured.</summary>
    public const ushort Hbone = 15008;

    /// <summary>Captured DNS, over UDP and TCP.</summary>
    public const ushort Dns = 15053;
}
