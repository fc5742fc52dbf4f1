namespace Mesh.Control.Sources.Kubernetes;

/// <summary>One object, or an answer as a whole, that cannot be understood. Never leaves this folder: it becomes a diagnostic.</summary>
internal sealed class UnreadableException(string field, string reason) : Exception(reason)
{
    /// <summary>Path of what is wrong; empty for the whole.</summary>
    public string Field { get; } = field;
}
