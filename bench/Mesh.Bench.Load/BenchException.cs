namespace Mesh.Bench.Load;

/// <summary>Something kept a figure from being taken. The message says what, and is shown as it is.</summary>
internal sealed class BenchException(string message) : Exception(message);
