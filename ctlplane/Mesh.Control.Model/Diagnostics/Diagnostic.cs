using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Model.Diagnostics;

public enum DiagnosticSeverity
{
    /// <summary>Worth knowing; nothing is wrong.</summary>
    Note,

    /// <summary>Accepted, but not as written: something is ignored or made stricter.</summary>
    Warning,

    /// <summary>Refused. The last good version, if there is one, stays in force.</summary>
    Error,
}

/// <summary>
/// One thing a person should know about the configuration. The same value is logged, served by the admin endpoint and written to the
/// object's status, so that all of them say the same.
/// </summary>
/// <param name="Severity">How bad it is.</param>
/// <param name="Origin">The file, and the line of what is wrong.</param>
/// <param name="Object">The object, when one could be made out.</param>
/// <param name="Field">Path of the field, such as <c>spec.rules[0].to[1].operation.ports[0]</c>; empty for the object as a whole.</param>
/// <param name="Reason">What is wrong, as a sentence.</param>
/// <param name="Hint">What to do about it; empty when the reason says it.</param>
public sealed record Diagnostic(
    DiagnosticSeverity Severity,
    Origin Origin,
    ObjectKey? Object,
    string Field,
    string Reason,
    string Hint)
{
    /// <summary>The code under which people look it up, such as <c>IST0101</c>; empty where none fits.</summary>
    public string Code { get; init; } = string.Empty;

    /// <summary>Another tool's code for the same, such as <c>KIA1101</c>; empty where there is none.</summary>
    public string Alias { get; init; } = string.Empty;

    public override string ToString()
    {
        string what = string.Join(' ', new[] { Object?.ToString(), Field }.Where(part => !string.IsNullOrEmpty(part)));
        string where = what.Length == 0 ? $"{Origin}:" : $"{Origin}: {what}:";
        return Hint.Length == 0 ? $"{where} {Reason}" : $"{where} {Reason} {Hint}";
    }
}
