namespace Mesh.Control.Model.Inputs;

/// <summary>Where an object came from: a file relative to the configuration directory, and the line the object starts on.</summary>
public sealed record Origin(string File, int Line)
{
    public override string ToString() => Line > 0 ? $"{File}:{Line}" : File;
}
