using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis;

/// <summary>What a code stands for.</summary>
/// <param name="Code">As Istio or Kiali call it.</param>
/// <param name="Severity">How bad it is here; the page of codes says where that is not as there.</param>
/// <param name="Meaning">What is found, as a phrase.</param>
/// <param name="Fix">What to do, as a sentence.</param>
/// <param name="Needs">Without which nothing is found.</param>
/// <param name="Aliases">Kiali's codes for the same.</param>
public sealed record DiagnosticCode(
    string Code, DiagnosticSeverity Severity, string Meaning, string Fix, Needs Needs = Needs.Nothing, params string[] Aliases);
