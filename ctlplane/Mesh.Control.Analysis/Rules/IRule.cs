using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Rules;

/// <summary>One thing that can be wrong between objects. Holds nothing: several threads may ask at once.</summary>
internal interface IRule
{
    IEnumerable<Diagnostic> Find(MeshInput mesh);
}

internal static class Findings
{
    /// <summary>A finding about a field of an object.</summary>
    /// <param name="code">What it is.</param>
    /// <param name="entry">Whose.</param>
    /// <param name="field">Where; one that is not there stands where it would.</param>
    /// <param name="reason">A sentence.</param>
    /// <param name="hint">What would mend it here; what the code says in general when not given.</param>
    /// <param name="alias">Kiali's code, where it depends on the case.</param>
    public static Diagnostic At(
        this DiagnosticCode code, Entry entry, Field field, string reason, string hint = "", string alias = "")
    {
        SourcePosition position = field.Position;
        Origin origin = entry.Source.Origin;
        return new Diagnostic(
            code.Severity,
            position.Line > 0 ? origin with { Line = position.Line } : origin,
            entry.Source.Key,
            field.Path,
            reason,
            hint.Length > 0 ? hint : code.Fix)
        {
            Code = code.Code,
            Alias = alias.Length > 0 ? alias : code.Aliases.FirstOrDefault(string.Empty),
        };
    }
}
