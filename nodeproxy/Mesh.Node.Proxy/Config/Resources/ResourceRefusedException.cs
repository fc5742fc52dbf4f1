namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>Leaves the reading of one resource with the reason it cannot be taken. Never leaves the compilers.</summary>
internal sealed class ResourceRefusedException(string reason) : Exception(reason);
