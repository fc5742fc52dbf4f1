namespace Mesh.Control.Serving.Ca;

/// <summary>The authority can sign nothing now, whoever asks; the message says why and names no secret.</summary>
public sealed class CannotSignException(string reason, Exception? inner = null) : Exception(reason, inner);
