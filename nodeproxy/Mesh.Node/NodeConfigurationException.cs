namespace Mesh.Node;

/// <summary>The configuration file cannot be used; the message names the file and the key.</summary>
internal sealed class NodeConfigurationException(string message, Exception? cause = null) : Exception(message, cause);
