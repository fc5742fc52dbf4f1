using System.Collections.Immutable;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli.Manifests;

/// <summary>A configuration as it is and as it would be.</summary>
internal sealed class ProposedChange
{
    private static readonly Comparer<ObjectKey> s_order = Comparer<ObjectKey>.Create(ObjectKey.Compare);

    private readonly TranslationOptions _options;

    private ProposedChange(ManifestSnapshot before, ManifestSnapshot after, TranslationOptions options)
    {
        _options = options;
        Before = before;
        After = after;
    }

    public ManifestSnapshot Before { get; }

    public ManifestSnapshot After { get; }

    public static ProposedChange Of(
        ManifestSnapshot before, ManifestSnapshot put, IReadOnlyCollection<ObjectKey> removed, TranslationOptions options)
    {
        HashSet<ObjectKey> replaced = [.. put.Objects.Select(source => source.Key), .. removed];
        ImmutableArray<RawObject> objects =
            [.. before.Objects.Where(source => !replaced.Contains(source.Key)).Concat(put.Objects).OrderBy(source => source.Key, s_order)];
        return new ProposedChange(
            before,
            new ManifestSnapshot(objects, [.. before.Diagnostics, .. put.Diagnostics], before.IsComplete && put.IsComplete),
            options);
    }

    /// <summary>The errors that the change brings: those of what is put, and those elsewhere that were not there before.</summary>
    public ImmutableArray<Diagnostic> NewErrors(IEnumerable<RawObject> put)
    {
        HashSet<ObjectKey> keys = [.. put.Select(source => source.Key)];
        HashSet<(string, ObjectKey?, string, string)> known = [.. ErrorsOf(Before).Select(Identity)];
        return
        [
            .. ErrorsOf(After).Where(error => (error.Object is { } key && keys.Contains(key)) || !known.Contains(Identity(error))),
        ];
    }

    private IEnumerable<Diagnostic> ErrorsOf(ManifestSnapshot snapshot) =>
        Inspection.Of(snapshot, _options).Findings.Where(finding => finding.Severity == DiagnosticSeverity.Error);

    private static (string, ObjectKey?, string, string) Identity(Diagnostic error) => (error.Code, error.Object, error.Field, error.Reason);
}
