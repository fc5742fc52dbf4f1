namespace Mesh.Tidy;

/// <summary>One breach of a rule.</summary>
/// <param name="Path">The file, relative to the repository.</param>
/// <param name="Line">From 1; 0 for the file as a whole.</param>
/// <param name="Message">What is wrong and what to do.</param>
internal sealed record Finding(string Path, int Line, string Message)
{
    public override string ToString() => Line == 0 ? $"{Path}: {Message}" : $"{Path}:{Line}: {Message}";
}
