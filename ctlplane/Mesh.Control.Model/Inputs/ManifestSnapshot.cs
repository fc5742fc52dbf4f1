using System.Collections.Immutable;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Model.Inputs;

/// <summary>What a source holds at one moment.</summary>
/// <param name="Objects">Ordered by key, no key twice. Of a file that cannot be read now, the objects it held when it last could.</param>
/// <param name="Diagnostics">What is wrong with the input itself.</param>
/// <param name="IsComplete">
/// False from the start until everything could be read once. Until then nobody knows which objects, and which policies, are missing, so
/// a mesh must not be configured from this.
/// </param>
public sealed record ManifestSnapshot(
    ImmutableArray<RawObject> Objects,
    ImmutableArray<Diagnostic> Diagnostics,
    bool IsComplete);
