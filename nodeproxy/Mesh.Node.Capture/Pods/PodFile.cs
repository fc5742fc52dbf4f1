using System.Text.Json.Serialization;

namespace Mesh.Node.Capture.Pods;

/// <summary>One file of the directory source, as written: <c>UID.json</c>.</summary>
/// <remarks>Members can be set, because generated code would give those that are only initialised no default.</remarks>
internal sealed class PodFile
{
    public required string Uid { get; set; }

    public required string Name { get; set; }

    public required string Namespace { get; set; }

    public required string ServiceAccount { get; set; }

    public required string NetworkNamespace { get; set; }

    public IReadOnlyList<string> Addresses { get; set; } = [];

    public IReadOnlyDictionary<string, string> Annotations { get; set; } = new Dictionary<string, string>();

    public IReadOnlyList<PodFileProbe> Probes { get; set; } = [];
}

/// <summary>A probe as written.</summary>
internal sealed class PodFileProbe
{
    public required string Kind { get; set; }

    public required int Port { get; set; }

    public string? Path { get; set; }

    public string? Service { get; set; }
}

/// <summary>Reads pod files without reflection; what the file format does not have is an error naming it.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(PodFile))]
internal sealed partial class PodFileJson : JsonSerializerContext;
