namespace Mesh.Cni.Contract;

/// <summary>A message between plugin and agent is not what it must be.</summary>
public sealed class CniMessageException(string message, Exception? cause = null) : Exception(message, cause);
