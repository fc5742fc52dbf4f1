using System.Text;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Naming;

/// <summary>
/// Which service a name means to a client, and which addresses it has: what the DNS responder answers. Looks into a snapshot; allocates
/// nothing once its lists have grown. For one thread.
/// </summary>
/// <param name="clusterDomain">What the host names of Kubernetes services end in, such as <c>cluster.local</c>.</param>
public sealed class NameTable(string clusterDomain)
{
    /// <summary>Longer names do not exist in DNS.</summary>
    private const int HostBytesMax = 254;

    private const int LabelBytesMax = 63;

    private readonly byte[] _domain = Encoding.UTF8.GetBytes(clusterDomain.ToLowerInvariant());
    private readonly string _serviceSuffix = $".svc.{clusterDomain}";

    // A name, and what is put behind it: a namespace, and the domain with a few dots.
    private readonly byte[] _scratch = new byte[HostBytesMax + LabelBytesMax + HostBytesMax + 8];

    /// <summary>
    /// Finds the service a name means: one of exactly this host name; a Kubernetes service by the first parts of its name (<c>svc</c> in
    /// the client's namespace, <c>svc.ns</c>, <c>svc.ns.svc</c>), as resolvers complete them; or the wildcard with the longest suffix.
    /// </summary>
    /// <param name="snapshot">The mesh.</param>
    /// <param name="host">In lower case, without a dot at the end.</param>
    /// <param name="clientNamespace">The namespace of who asks: what is not visible there is not found.</param>
    public Service? Find(MeshSnapshot snapshot, ReadOnlySpan<byte> host, string clientNamespace)
    {
        if (host.IsEmpty || host.Length > HostBytesMax)
        {
            return null;
        }

        host.CopyTo(_scratch);
        return snapshot.FindServiceByHost(new HostText(_scratch, host.Length), clientNamespace)
            ?? FindCompleted(snapshot, host, clientNamespace)
            ?? FindWildcard(snapshot, host, clientNamespace);
    }

    /// <summary>
    /// Lists the addresses at which a client on a network reaches a service: its virtual addresses, or those of its endpoints where it is a
    /// Kubernetes service without any.
    /// </summary>
    /// <returns>
    /// False when the mesh knows none of any family, so that the name is not ours to answer: blocks of addresses, endpoints that are not
    /// known here, services of other networks.
    /// </returns>
    public bool TryResolve(MeshSnapshot snapshot, Service service, string network, List<IpValue> addresses)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(addresses);
        addresses.Clear();
        foreach (NetworkPrefix address in service.Addresses)
        {
            if (address.Prefix.IsSingleAddress && string.Equals(address.Network, network, StringComparison.Ordinal))
            {
                addresses.Add(address.Prefix.Network);
            }
        }

        if (service.Addresses.IsEmpty && service.Hostname.EndsWith(_serviceSuffix, StringComparison.OrdinalIgnoreCase))
        {
            AddEndpoints(snapshot, service, network, addresses);
        }

        return addresses.Count > 0;
    }

    private static void AddEndpoints(MeshSnapshot snapshot, Service service, string network, List<IpValue> addresses)
    {
        if (snapshot.FindEndpoints(service.Key) is not { } known)
        {
            return;
        }

        foreach (Workload endpoint in known.Endpoints)
        {
            if (string.Equals(endpoint.Network, network, StringComparison.Ordinal)
                && (endpoint.IsHealthy || service.LoadBalancing.AllowsUnhealthy))
            {
                foreach (System.Net.IPAddress address in endpoint.Addresses)
                {
                    addresses.Add(IpValue.From(address));
                }
            }
        }
    }

    private Service? FindCompleted(MeshSnapshot snapshot, ReadOnlySpan<byte> host, string clientNamespace)
    {
        int length = host.Length;
        switch (host.Count((byte)'.'))
        {
            case 0 when clientNamespace.Length <= LabelBytesMax:
                _scratch[length++] = (byte)'.';
                length += Encoding.UTF8.GetBytes(clientNamespace, _scratch.AsSpan(length));
                Append(ref length, ".svc."u8);
                break;
            case 1:
                Append(ref length, ".svc."u8);
                break;
            case 2 when host.EndsWith(".svc"u8):
                Append(ref length, "."u8);
                break;
            default:
                return null;
        }

        Append(ref length, _domain);
        return snapshot.FindServiceByHost(new HostText(_scratch, length), clientNamespace);
    }

    private Service? FindWildcard(MeshSnapshot snapshot, ReadOnlySpan<byte> host, string clientNamespace)
    {
        _scratch[0] = (byte)'*';
        for (ReadOnlySpan<byte> rest = host; rest.IndexOf((byte)'.') is int dot and >= 0;)
        {
            rest = rest[dot..];
            rest.CopyTo(_scratch.AsSpan(1));
            if (snapshot.FindServiceByHost(new HostText(_scratch, rest.Length + 1), clientNamespace) is Service found)
            {
                return found;
            }

            rest = rest[1..];
        }

        return null;
    }

    private void Append(ref int length, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_scratch.AsSpan(length));
        length += bytes.Length;
    }
}
