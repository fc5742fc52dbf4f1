using System.Net;

namespace Mesh.Node.Proxy.Resolution;

/// <summary>Asks for the addresses of a name.</summary>
public interface INameLookup
{
    /// <summary>The addresses of a name, the one to prefer first. Blocks, perhaps for seconds.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">There are none, or nobody could say.</exception>
    IReadOnlyList<IPAddress> Find(string name);
}

/// <summary>The system's resolver, as the node's own <c>resolv.conf</c> and <c>hosts</c> have it.</summary>
public sealed class SystemNameLookup : INameLookup
{
    /// <inheritdoc/>
    public IReadOnlyList<IPAddress> Find(string name) => Dns.GetHostAddresses(name);
}
