using System.Collections.Immutable;
using Mesh.Control.Analysis;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;
using Mesh.Control.Serving.Ca;

namespace Mesh.Control.Configuration;

/// <summary>The configuration in force and what is to be said about it. Written by the pipeline, read by any.</summary>
internal sealed class ConfigurationState : IPlacementReader
{
    private View _view = new(Model: null, [], LoadedAt: null);
    private AnalyzedView? _analyzed;

    public View Current => Volatile.Read(ref _view);

    /// <summary>The newest that was analysed: a moment behind what is in force. Null until the first was.</summary>
    public AnalyzedView? Analyzed => Volatile.Read(ref _analyzed);

    public bool IsKnown => Current.Model is not null;

    public bool RunsOn(string node, string @namespace, string serviceAccount) =>
        Current.Model?.RunsOn(node, @namespace, serviceAccount) == true;

    public void Replace(View view) => Volatile.Write(ref _view, view);

    public void ReplaceAnalyzed(AnalyzedView analyzed) => Volatile.Write(ref _analyzed, analyzed);

    /// <param name="Model">Null until everything could be read once.</param>
    /// <param name="Diagnostics">Of the last look, whether or not it led to a model.</param>
    /// <param name="LoadedAt">When <paramref name="Model"/> came into force.</param>
    internal sealed record View(MeshModel? Model, ImmutableArray<Diagnostic> Diagnostics, DateTimeOffset? LoadedAt)
    {
        /// <summary>The namespaces that are there to stay.</summary>
        public ImmutableArray<string> Namespaces { get; init; } = [];

        /// <summary>What it was made of.</summary>
        public ImmutableArray<RawObject> Objects { get; init; } = [];

        /// <summary>What routes are to be told of themselves.</summary>
        public ImmutableArray<ObjectStatus> Statuses { get; init; } = [];
    }
    /// <param name="View">What was analysed.</param>
    /// <param name="Analysis">What is wrong between its objects.</param>
    /// <param name="Findings">That and what reading and translating it said, as one list.</param>
    internal sealed record AnalyzedView(View View, AnalysisResult Analysis, ImmutableArray<Diagnostic> Findings);
}
