using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Files;

/// <summary>A file that cannot be taken as a whole. Never leaves this folder: it becomes a diagnostic.</summary>
internal sealed class ManifestFormatException(SourcePosition position, string field, string reason, string hint = "")
    : Exception(reason)
{
    public SourcePosition Position { get; } = position;

    public string Field { get; } = field;

    public string Hint { get; } = hint;
}
