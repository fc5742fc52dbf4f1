using System.Collections.Immutable;
using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis;

/// <param name="Findings">Ordered by place.</param>
/// <param name="Present">What of a mesh was among the objects at all.</param>
public sealed record AnalysisResult(ImmutableArray<Diagnostic> Findings, Needs Present)
{
    /// <summary>What was analysed, to be asked about a change of it; null where nothing was.</summary>
    internal MeshInput? Input { get; init; }
}
