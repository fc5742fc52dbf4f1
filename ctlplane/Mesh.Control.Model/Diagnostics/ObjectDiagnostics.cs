using System.Collections.Immutable;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Model.Diagnostics;

/// <summary>Collects what is to be said about one object while it is read. Used by one thread.</summary>
public sealed class ObjectDiagnostics(RawObject source)
{
    /// <summary>An object with more is broken in a way the first ones already show.</summary>
    private const int CountMax = 64;

    private readonly ImmutableArray<Diagnostic>.Builder _found = ImmutableArray.CreateBuilder<Diagnostic>();

    public RawObject Source { get; } = source;

    /// <summary>Whether the object, as written, must be refused.</summary>
    public bool HasErrors { get; private set; }

    public void Error(string field, SourcePosition position, string reason, string hint = "")
    {
        HasErrors = true;
        Add(DiagnosticSeverity.Error, field, position, reason, hint);
    }

    /// <param name="field">Path.</param>
    /// <param name="position">Of it.</param>
    /// <param name="reason">A sentence.</param>
    /// <param name="hint">What to do about it.</param>
    /// <param name="code">Under which people know it, where there is one.</param>
    public void Warning(string field, SourcePosition position, string reason, string hint = "", string code = "") =>
        Add(DiagnosticSeverity.Warning, field, position, reason, hint, code);

    public void Note(string field, SourcePosition position, string reason, string hint = "") =>
        Add(DiagnosticSeverity.Note, field, position, reason, hint);

    public ImmutableArray<Diagnostic> ToImmutable() => _found.ToImmutable();

    private void Add(DiagnosticSeverity severity, string field, SourcePosition position, string reason, string hint, string code = "")
    {
        Origin origin = position.Line > 0 ? Source.Origin with { Line = position.Line } : Source.Origin;
        var diagnostic = new Diagnostic(severity, origin, Source.Key, field, reason, hint) { Code = code };

        // A field may be looked at more than once.
        if (_found.Count < CountMax && !_found.Contains(diagnostic))
        {
            _found.Add(diagnostic);
        }
    }
}
