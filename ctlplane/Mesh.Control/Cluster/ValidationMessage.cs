using System.Collections.Immutable;
using Mesh.Control.Analysis;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Cluster;

/// <summary>An entry of <c>status.validationMessages</c>, in the form of Istio's analysis: the words are in the condition.</summary>
/// <param name="Code">Such as <c>IST0101</c>.</param>
/// <param name="Name">What it stands for, as a phrase.</param>
/// <param name="Level"><c>ERROR</c>, <c>WARNING</c> or <c>INFO</c>.</param>
internal sealed record ValidationMessage(string Code, string Name, string Level)
{
    /// <summary>What addresses of ours have in them, and those that others write do not.</summary>
    private const string Mark = "?ref=mesh-node";

    /// <summary>Where the code is explained.</summary>
    public string DocumentationUrl => Code.StartsWith("KIA", StringComparison.Ordinal)
        ? $"https://kiali.io/docs/features/validations/{Mark}#{Code.ToLowerInvariant()}"
        : $"https://istio.io/latest/docs/reference/config/analysis/{Code.ToLowerInvariant()}/{Mark}";

    /// <summary>Whether an entry with this address is of ours, so that it is ours to change.</summary>
    public static bool IsOurs(string documentationUrl) => documentationUrl.Contains(Mark, StringComparison.Ordinal);

    /// <summary>Each code once, the worst first.</summary>
    public static ImmutableArray<ValidationMessage> Of(ImmutableArray<Diagnostic> findings) =>
    [
        .. findings.Where(finding => finding.Code.Length > 0)
            .OrderByDescending(finding => finding.Severity)
            .ThenBy(finding => finding.Code, StringComparer.Ordinal)
            .Select(finding => new ValidationMessage(
                finding.Code, DiagnosticCodes.Find(finding.Code)?.Meaning ?? finding.Code, LevelOf(finding.Severity)))
            .DistinctBy(message => message.Code),
    ];

    private static string LevelOf(DiagnosticSeverity severity) => severity switch
    {
        DiagnosticSeverity.Error => "ERROR",
        DiagnosticSeverity.Warning => "WARNING",
        _ => "INFO",
    };
}
