namespace Mesh.Bench.Control;

/// <summary>Something kept the figures from being taken. The message says what, and is shown as it is.</summary>
internal sealed class ScaleException(string message) : Exception(message);
