using System.Collections.Immutable;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis;

/// <param name="Findings">Ordered by place.</param>
/// <param name="Present">What of a mesh was among the objects at all.</param>
public sealed record AnalysisResult(ImmutableArray<Diagnostic> Findings, Needs Present);
