using System.Collections.Immutable;
using Mesh.Control.Dialects.Translation;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects;

/// <summary>What is to be said about one object by itself, before it is anywhere in force. Pure.</summary>
public static class ObjectValidation
{
    /// <summary>An error means that this version would be refused.</summary>
    public static ImmutableArray<Diagnostic> Validate(RawObject source) => ObjectReader.Read(source, previous: null).Diagnostics;
}
