using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis;

/// <summary>An object that has a say about another.</summary>
/// <param name="Role">What it says, as a word: <c>routes</c>, <c>policy</c>.</param>
/// <param name="Source">The object.</param>
public sealed record Relation(string Role, RawObject Source);
