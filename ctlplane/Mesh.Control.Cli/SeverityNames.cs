using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Cli;

/// <summary>Severities as people of Istio call them.</summary>
internal static class SeverityNames
{
    public static string Of(DiagnosticSeverity severity) => severity switch
    {
        DiagnosticSeverity.Error => "Error",
        DiagnosticSeverity.Warning => "Warning",
        _ => "Info",
    };

    public static DiagnosticSeverity Parse(string name) => name switch
    {
        "error" => DiagnosticSeverity.Error,
        "warning" => DiagnosticSeverity.Warning,
        _ => DiagnosticSeverity.Note,
    };
}
