using System.Text.Json.Serialization;
using Mesh.Lab.Manifests;

namespace Mesh.Lab.Holding;

/// <summary>One request to the process that holds a lab, as a line of JSON.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "do")]
[JsonDerivedType(typeof(Apply), "apply")]
[JsonDerivedType(typeof(Delete), "delete")]
[JsonDerivedType(typeof(Status), "status")]
[JsonDerivedType(typeof(Control), "control")]
[JsonDerivedType(typeof(Stop), "stop")]
internal abstract record LabRequest
{
    /// <param name="Documents">Text and the file it comes from.</param>
    public sealed record Apply(IReadOnlyList<ManifestText> Documents) : LabRequest;

    public sealed record Delete(string Kind, string Namespace, string Name) : LabRequest;

    public sealed record Status : LabRequest;

    /// <param name="Verb">start, stop or kill.</param>
    /// <param name="Target">A component's name, or pod/NAMESPACE/NAME.</param>
    public sealed record Control(string Verb, string Target) : LabRequest;

    /// <summary>Ends the lab in order: pods, then the mesh, then everything.</summary>
    public sealed record Stop : LabRequest;
}

/// <summary>The answer: lines for the user, or what is wrong.</summary>
internal sealed record LabResponse
{
    public string? Error { get; init; }

    public IReadOnlyList<string> Lines { get; init; } = [];

    public LabStatus? Status { get; init; }
}
