namespace Mesh.Cni.Contract;

/// <summary>What the plugin asks the agent: one message, see <see cref="CniMessages"/>.</summary>
/// <remarks>Members with a default can be set: generated code gives those that are only initialised no default.</remarks>
public sealed class CniRequest
{
    /// <summary>The version of these messages, <see cref="CniMessages.Version"/>.</summary>
    public required int Version { get; init; }

    /// <summary>What is to be done.</summary>
    public required CniCommand Command { get; init; }

    /// <summary>The name of the runtime's network, which the configuration says. One pod may be in several.</summary>
    public string NetworkName { get; set; } = "";

    /// <summary>The sandbox; null for GC and STATUS.</summary>
    public string? ContainerId { get; set; }

    /// <summary>The path of its network namespace, as the host knows it; null where the runtime named none.</summary>
    public string? NetworkNamespace { get; set; }

    /// <summary>The interface inside; null for GC and STATUS.</summary>
    public string? InterfaceName { get; set; }

    /// <summary>The pod's name; null for GC and STATUS.</summary>
    public string? PodName { get; set; }

    /// <summary>The pod's Kubernetes namespace; null for GC and STATUS.</summary>
    public string? PodNamespace { get; set; }

    /// <summary>The pod's UID; null where the runtime does not say it.</summary>
    public string? PodUid { get; set; }

    /// <summary>The addresses that plugins before this one gave it, without prefix lengths.</summary>
    public IReadOnlyList<string> Addresses { get; set; } = [];

    /// <summary>GC: every attachment that is still valid.</summary>
    public IReadOnlyList<CniAttachment> ValidAttachments { get; set; } = [];
}
