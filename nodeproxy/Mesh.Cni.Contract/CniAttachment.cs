namespace Mesh.Cni.Contract;

/// <summary>One interface of one container, as the runtime names them.</summary>
public sealed class CniAttachment
{
    /// <summary>The runtime's name of the sandbox.</summary>
    public required string ContainerId { get; init; }

    /// <summary>The interface inside, such as <c>eth0</c>.</summary>
    public required string InterfaceName { get; init; }
}
