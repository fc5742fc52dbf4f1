using System.Collections.Immutable;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>
/// What became of one object: the spec in force and what is to be said about it. The same instance for as long as the object is unchanged.
/// </summary>
/// <param name="Source">The object as delivered.</param>
/// <param name="Spec">
/// In force: of the last good version or, for a policy that never had one, its strictest reading; null when there is nothing to put in
/// force.
/// </param>
/// <param name="LastGood">Of the last version without errors; null when there has been none.</param>
/// <param name="Diagnostics">About the present version.</param>
internal sealed record Reading(RawObject Source, object? Spec, object? LastGood, ImmutableArray<Diagnostic> Diagnostics);
