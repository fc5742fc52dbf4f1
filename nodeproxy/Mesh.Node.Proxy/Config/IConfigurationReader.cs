using Mesh.Node.Model;

namespace Mesh.Node.Proxy.Config;

/// <summary>The mesh as last told by the control plane, to read and to hear of changes. Any thread.</summary>
public interface IConfigurationReader
{
    /// <summary>
    /// The snapshot in force. A connection captures it once and decides everything from it. Stays the last good one while the control
    /// plane is away.
    /// </summary>
    MeshSnapshot Current { get; }

    /// <summary>
    /// Raised after <see cref="Current"/> was replaced, on the thread that replaced it: a handler hands the change to its own loops and
    /// returns. Subscribe first and read <see cref="Current"/> after, and nothing is missed.
    /// </summary>
    event Action<ConfigurationChange>? Changed;
}
