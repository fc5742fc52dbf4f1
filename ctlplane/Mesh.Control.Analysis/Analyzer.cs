using System.Collections.Immutable;
using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Analysis.Rules;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis;

/// <summary>
/// What is to be said about a configuration: what its reading and translation said, under the codes people know, and what is wrong between
/// its objects. Reads the objects only, so that it may run beside whoever serves them.
/// </summary>
public static class Analyzer
{
    /// <summary>What the rules find between objects.</summary>
    /// <param name="objects">All of the mesh, or a part of it.</param>
    /// <param name="options">What the whole mesh has in common.</param>
    public static AnalysisResult Find(ImmutableArray<RawObject> objects, TranslationOptions options)
    {
        var mesh = new MeshInput(objects, options);
        return new AnalysisResult(Find(mesh), mesh.Present) { Input = mesh };
    }

    /// <summary>
    /// What the rules would find about one object if it were written into a mesh that was analysed. Costs little of what analysing the mesh
    /// does; what would be wrong with other objects then is not said.
    /// </summary>
    /// <param name="analysis">Of the mesh as it is.</param>
    /// <param name="changed">A new object, or a new version of one.</param>
    public static ImmutableArray<Diagnostic> FindAbout(AnalysisResult analysis, RawObject changed) => analysis.Input is { } mesh
        ? Find(mesh.With(changed)).RemoveAll(finding => finding.Object != changed.Key)
        : [];

    private static ImmutableArray<Diagnostic> Find(MeshInput mesh)
    {
        var found = new HashSet<Diagnostic>();
        foreach (IRule rule in AllRules.List)
        {
            found.UnionWith(Run(rule, mesh));
        }

        return [.. found.Where(finding => IsMeaningful(finding, mesh.Present)).Order(s_order)];
    }

    /// <summary>
    /// What translation said and what the rules found, as one list, ordered by place. Where both speak of one thing it is said in the words
    /// of the rules. Everything but notes has a code.
    /// </summary>
    /// <param name="objects">What was translated.</param>
    /// <param name="translated">What reading and translating them said.</param>
    /// <param name="analysis">What the rules found.</param>
    public static ImmutableArray<Diagnostic> Merge(
        ImmutableArray<RawObject> objects, IEnumerable<Diagnostic> translated, AnalysisResult analysis)
    {
        Dictionary<ObjectKey, RawObject> byKey = objects.ToDictionary(source => source.Key);
        ILookup<ObjectKey?, Diagnostic> told = analysis.Findings.ToLookup(finding => finding.Object);
        return
        [
            .. translated
                .Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error || !IsTold(diagnostic, told[diagnostic.Object]))
                .Where(diagnostic => analysis.Present.HasFlag(Needs.Services) || !IsAboutService(diagnostic))
                .Select(diagnostic => Placed(DiagnosticCodes.Coded(diagnostic), byKey))
                .Concat(analysis.Findings)
                .Distinct()
                .Order(s_order),
        ];
    }

    /// <summary>Whether the rules have looked at what a diagnostic is about, or have found it out more exactly.</summary>
    private static bool IsTold(Diagnostic diagnostic, IEnumerable<Diagnostic> findings) =>
        IsAboutSelection(diagnostic)
        || findings.Any(finding => finding.Field == diagnostic.Field
            || (diagnostic.Field.Length > 0 && finding.Field.StartsWith($"{diagnostic.Field}.", StringComparison.Ordinal))
            || (diagnostic.Code.Length > 0 && diagnostic.Code == finding.Code));

    /// <summary>With the line of the field, where what was said has only that of the object.</summary>
    private static Diagnostic Placed(Diagnostic diagnostic, Dictionary<ObjectKey, RawObject> objects)
    {
        if (diagnostic.Object is not { } key
            || !objects.TryGetValue(key, out RawObject? source)
            || diagnostic.Origin != source.Origin)
        {
            return diagnostic;
        }

        int line = Field.Of(source).Walk(diagnostic.Field).Position.Line;
        return line > 0 ? diagnostic with { Origin = source.Origin with { Line = line } } : diagnostic;
    }

    private static readonly Comparer<Diagnostic> s_order = Comparer<Diagnostic>.Create(static (left, right) =>
    {
        int order = string.CompareOrdinal(left.Origin.File, right.Origin.File);
        order = order != 0 ? order : left.Origin.Line.CompareTo(right.Origin.Line);
        order = order != 0 ? order : right.Severity.CompareTo(left.Severity);
        order = order != 0 ? order : string.CompareOrdinal(left.Code, right.Code);
        return order != 0 ? order : string.CompareOrdinal(left.Reason, right.Reason);
    });

    private static IEnumerable<Diagnostic> Run(IRule rule, MeshInput mesh)
    {
        try
        {
            return [.. rule.Find(mesh)];
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // A defect of one rule takes neither the others nor their findings with it.
            return
            [
                new Diagnostic(
                    DiagnosticSeverity.Error,
                    new Origin(string.Empty, 0),
                    Object: null,
                    string.Empty,
                    $"Internal error: the rule {rule.GetType().Name} failed ({exception.GetType().Name}: {exception.Message})",
                    DiagnosticCodes.Internal.Fix)
                {
                    Code = DiagnosticCodes.Internal.Code,
                },
            ];
        }
    }

    private static bool IsMeaningful(Diagnostic diagnostic, Needs present) =>
        DiagnosticCodes.Find(diagnostic.Code) is not { } code || present.HasFlag(code.Needs);

    /// <summary>
    /// Whether it is said where a service is named. What is malformed there is an error; a warning says that there is no such service,
    /// which of a part of the mesh means nothing.
    /// </summary>
    private static bool IsAboutService(Diagnostic diagnostic) =>
        diagnostic.Severity == DiagnosticSeverity.Warning
        && diagnostic.Object is { } key
        && (Kinds.Of(key) is Kinds.VirtualService or Kinds.DestinationRule || Kinds.Routes.Contains(Kinds.Of(key)))
        && s_serviceFields.Any(field => diagnostic.Field.EndsWith(field, StringComparison.Ordinal)
            || diagnostic.Field.StartsWith("spec.parentRefs", StringComparison.Ordinal));

    /// <summary>
    /// Whether it is said of the workloads that a policy selects. Translation knows those that run and have addresses; the rules also what
    /// makes them, and speak of each policy that selects nothing. What is said with a hint is about workloads that are there.
    /// </summary>
    private static bool IsAboutSelection(Diagnostic diagnostic) =>
        diagnostic is { Severity: DiagnosticSeverity.Warning, Field: "spec" or "spec.selector", Hint.Length: 0, Object: { } key }
        && Kinds.Of(key) is Kinds.AuthorizationPolicy or Kinds.PeerAuthentication or Kinds.RequestAuthentication;

    private static readonly string[] s_serviceFields = ["spec.hosts", "spec.host", ".host", ".subset", ".port", ".name"];
}
