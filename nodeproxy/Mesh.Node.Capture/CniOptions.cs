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

    /// <summary>Whether the agent keeps the plug-in and its place in the network configuration of the host.</summary>
    public bool Installs { get; set; } = true;

    /// <summary>The plug-in's file, to be copied to the host; null for <c>mesh-cni</c> beside this program.</summary>
    public string? PluginFile { get; set; }

    /// <summary>The host's directory of plug-ins, without <see cref="HostPrefix"/>.</summary>
    public string BinDirectory { get; set; } = "/opt/cni/bin";

    /// <summary>The host's directory of network configurations, without <see cref="HostPrefix"/>.</summary>
    public string ConfigurationDirectory { get; set; } = "/etc/cni/net.d";

    /// <summary>The Kubernetes namespace of the agent and the proxy; empty for none.</summary>
    public string OwnNamespace { get; set; } = "";

    /// <summary>How the names of pods begin that start there without the agent.</summary>
    public IReadOnlyList<string> OwnPodPrefixes { get; set; } = [];

    /// <summary>Whether CNI STATUS fails while agent or proxy are away, which makes the node not ready.</summary>
    public bool ReportsStatus { get; set; }
}
