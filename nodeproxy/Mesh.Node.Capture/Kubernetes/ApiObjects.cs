using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mesh.Node.Capture.Kubernetes;

// What the agent reads of the API's objects. Everything may be missing: an object that says less is one of which less is known.

internal sealed class ObjectMetadata
{
    public string? Name { get; set; }

    public string? Namespace { get; set; }

    public string? Uid { get; set; }

    public string? ResourceVersion { get; set; }

    public string? DeletionTimestamp { get; set; }

    public Dictionary<string, string>? Labels { get; set; }

    public Dictionary<string, string>? Annotations { get; set; }

    public List<OwnerObject>? OwnerReferences { get; set; }
}

internal sealed class OwnerObject
{
    public string? Kind { get; set; }
}

internal sealed class NamespaceObject
{
    public ObjectMetadata? Metadata { get; set; }
}

internal sealed class PodObject
{
    public ObjectMetadata? Metadata { get; set; }

    public PodObjectSpec? Spec { get; set; }

    public PodObjectStatus? Status { get; set; }
}

internal sealed class PodObjectSpec
{
    public string? NodeName { get; set; }

    public string? ServiceAccountName { get; set; }

    public bool HostNetwork { get; set; }

    public List<ContainerObject>? Containers { get; set; }

    public List<ContainerObject>? InitContainers { get; set; }
}

internal sealed class ContainerObject
{
    public List<ContainerPortObject>? Ports { get; set; }

    public ProbeObject? LivenessProbe { get; set; }

    public ProbeObject? ReadinessProbe { get; set; }

    public ProbeObject? StartupProbe { get; set; }

    public LifecycleObject? Lifecycle { get; set; }
}

internal sealed class ContainerPortObject
{
    public string? Name { get; set; }

    public int ContainerPort { get; set; }
}

internal sealed class LifecycleObject
{
    public ProbeObject? PostStart { get; set; }

    public ProbeObject? PreStop { get; set; }
}

/// <summary>A probe, or a hook of a container's life, which asks in the same words.</summary>
internal sealed class ProbeObject
{
    public ProbeTargetObject? HttpGet { get; set; }

    public ProbeTargetObject? TcpSocket { get; set; }

    public ProbeTargetObject? Grpc { get; set; }
}

internal sealed class ProbeTargetObject
{
    /// <summary>A number, or the name of one of the container's ports.</summary>
    public JsonElement Port { get; set; }

    public string? Host { get; set; }

    public string? Path { get; set; }

    public string? Scheme { get; set; }

    public string? Service { get; set; }
}

internal sealed class PodObjectStatus
{
    public string? Phase { get; set; }

    public string? PodIP { get; set; }

    public List<PodAddressObject>? PodIPs { get; set; }

    public List<ContainerStatusObject>? InitContainerStatuses { get; set; }

    public List<ContainerStatusObject>? ContainerStatuses { get; set; }
}

internal sealed class PodAddressObject
{
    public string? Ip { get; set; }
}

internal sealed class ContainerStatusObject
{
    public string? ContainerID { get; set; }
}

/// <summary>What stands around the items of a list.</summary>
internal sealed class ListObject<T>
{
    public ListMetadata? Metadata { get; set; }

    public List<T>? Items { get; set; }
}

internal sealed class ListMetadata
{
    public string? ResourceVersion { get; set; }

    public string? Continue { get; set; }
}

/// <summary>One line of a watch.</summary>
internal sealed class WatchObject
{
    public string? Type { get; set; }

    public JsonElement Object { get; set; }
}

internal sealed class StatusObject
{
    public string? Message { get; set; }

    public int Code { get; set; }
}

/// <summary>Reads the API's objects without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ListObject<PodObject>), TypeInfoPropertyName = "PodList")]
[JsonSerializable(typeof(ListObject<NamespaceObject>), TypeInfoPropertyName = "NamespaceList")]
[JsonSerializable(typeof(WatchObject))]
[JsonSerializable(typeof(StatusObject))]
internal sealed partial class ApiJson : JsonSerializerContext;
