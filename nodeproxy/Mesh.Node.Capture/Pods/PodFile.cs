using System.Text.Json.Serialization;

namespace Mesh.Node.Capture.Pods;

/// <summary>One file of the directory source, as written: <c>UID.json</c>.</summary>
internal sealed class PodFile
{
    public required string Uid { get; init; }

    public required string Name { get; init; }

    public required string Namespace { get; init; }

    public required string ServiceAccount { get; init; }

    public required string NetworkNamespace { get; init; }

    public IReadOnlyList<string> Addresses { get; init; } = [];

    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<PodFileProbe> Probes { get; init; } = [];
}

/// <summary>A probe as written.</summary>
internal sealed class PodFileProbe
{
    public required string Kind { get; init; }

    public required int Port { get; init; }

    public string? Path { get; init; }

    public string? Service { get; init; }
}

/// <summary>Reads pod files without reflection; what the file format does not have is an error naming it.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(PodFile))]
internal sealed partial class PodFileJson : JsonSerializerContext;
