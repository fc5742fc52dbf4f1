using System.Collections.Immutable;
using Mesh.Control.Analysis;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli;

/// <summary>What manifests come to, read as the control plane reads them.</summary>
/// <param name="Translation">The model, and what its making said.</param>
/// <param name="Findings">All that is to be said, ordered by place.</param>
internal sealed record Inspection(TranslationResult Translation, ImmutableArray<Diagnostic> Findings)
{
    public static Inspection Of(ManifestSnapshot input, TranslationOptions options)
    {
        TranslationResult translation = new MeshTranslator(options).Translate(input.Objects);
        return new Inspection(
            translation,
            Analyzer.Merge(input.Objects, input.Diagnostics.Concat(translation.Diagnostics), Analyzer.Find(input.Objects, options)));
    }
}
