namespace Mesh.Node.Capture;

/// <summary>Where agent and proxy meet. Section <c>handover</c> of the node's configuration file.</summary>
public sealed class HandoverOptions
{
    /// <summary>The unix socket the agent listens on and the proxy connects to. At most 107 bytes.</summary>
    public string SocketPath { get; set; } = "/run/mesh-node/handover.sock";
}
