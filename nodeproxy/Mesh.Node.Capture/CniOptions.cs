namespace Mesh.Node.Capture;

/// <summary>How new pods are captured before they start. Section <c>cni</c> of the node's configuration file.</summary>
public sealed class CniOptions
{
    /// <summary>Whether the agent answers the CNI plug-in.</summary>
    public bool Enabled { get; set; }

    /// <summary>
    /// The unix socket on which it does, in a directory of its own that only root may enter. The same path on the host. At most 107 bytes.
    /// </summary>
    public string SocketPath { get; set; } = "/run/mesh-node/cni/agent.sock";

    /// <summary>
    /// Where parts of the host's root are mounted for the agent: paths of the host are appended to it. Empty where it runs on the host.
    /// </summary>
    public string HostPrefix { get; set; } = "";

    /// <summary>
    /// How long a new pod waits for its rules and the proxy's listeners before its runtime is asked to try again. Seconds, 1 to 110.
    /// </summary>
    public int AddTimeoutSeconds { get; set; } = 25;
}
