namespace Mesh.Node.Proxy;

/// <summary>The ports of a pod that belong to the mesh (ambient's, so that people's rules and habits keep working).</summary>
internal static class MeshPorts
{
    /// <summary>Captured outbound connections arrive here.</summary>
    public const ushort Outbound = 15_001;

    /// <summary>Captured inbound plaintext arrives here.</summary>
    public const ushort InboundPlaintext = 15_006;

    /// <summary>HBONE, a real port of the pod.</summary>
    public const ushort Hbone = 15_008;

    /// <summary>Captured DNS.</summary>
    public const ushort Dns = 15_053;

    /// <summary>Ports nobody is forwarded to: a peer that could reach them would borrow the pod's identity.</summary>
    public static bool IsReserved(int port) => port is Outbound or InboundPlaintext or Hbone or Dns;
}
