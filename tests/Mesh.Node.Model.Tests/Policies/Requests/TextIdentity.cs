using Mesh.Node.Model.Policies.Requests;

namespace Mesh.Node.Model.Tests.Policies.Requests;

/// <summary>The identity of a token of which a test says only what it is about.</summary>
internal sealed class TextIdentity(string principal) : IRequestIdentity
{
    public string Principal { get; } = principal;

    public string[] For { get; init; } = [];

    public string? Presenter { get; init; }

    /// <summary>Values by the claim's path, joined by slashes.</summary>
    public Dictionary<string, string[]> Claims { get; init; } = [];

    ReadOnlySpan<string> IRequestIdentity.Audiences => For;

    ReadOnlySpan<string> IRequestIdentity.ValuesOf(ReadOnlySpan<string> path) => Claims.GetValueOrDefault(string.Join('/', path.ToArray()), []);
}
