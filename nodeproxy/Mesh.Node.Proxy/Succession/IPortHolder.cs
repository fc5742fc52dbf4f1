namespace Mesh.Node.Proxy.Succession;

/// <summary>Whoever has the admin ports now.</summary>
public interface IPortHolder
{
    /// <summary>
    /// Asks it to close them, and waits until it has. It opens them again, if it still can, when this process has ended. Blocks for seconds
    /// at most; never on a loop.
    /// </summary>
    /// <returns>False when there is nobody to ask, or it does not do it.</returns>
    bool TryReleasePorts();
}
