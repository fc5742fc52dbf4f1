namespace Mesh.Node.Capture.Handover;

/// <summary>A hand-over connection cannot go on. The message says why, for an operator; the connection is closed and made anew.</summary>
internal sealed class HandoverException(string message) : Exception(message);
