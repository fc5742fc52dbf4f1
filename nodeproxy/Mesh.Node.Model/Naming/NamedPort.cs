using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Naming;

/// <summary>
/// The services that clients reach at one port by what they ask for, whatever address they dial (<see cref="ServiceReach"/>). Immutable;
/// any thread; lookups allocate nothing.
/// </summary>
/// <remarks>
/// Names compare without regard to case. A whole name goes before every wildcard, a longer wildcard before a shorter one; <c>*.x</c> is any
/// name that ends so, at whatever depth, and not x itself.
/// </remarks>
public sealed class NamedPort
{
    /// <summary>Longer names than DNS has are nobody's.</summary>
    private const int NameCharsMax = 253;

    private readonly NameTable _hosts;
    private readonly NameTable _serverNames;
    private readonly ImmutableArray<Service> _byPort;

    internal NamedPort(ushort port, IEnumerable<Service> services)
    {
        Service[] ordered =
        [
            .. services.OrderByDescending(service => service.IsCanonical).ThenBy(service => service.Key, StringComparer.Ordinal),
        ];
        _hosts = new NameTable(ordered.Where(service => Has(service, ServiceReach.Names)
            && ProtocolOf(service) is PortProtocol.Http or PortProtocol.Http2 or PortProtocol.Grpc or PortProtocol.Detect));
        _serverNames = new NameTable(ordered.Where(service => Has(service, ServiceReach.Names)
            && ProtocolOf(service) is PortProtocol.Tls or PortProtocol.Detect));
        _byPort =
        [
            .. ordered.Where(service => Has(service, ServiceReach.Port)
                && ProtocolOf(service) is PortProtocol.Tcp or PortProtocol.Detect),
        ];

        PortProtocol ProtocolOf(Service service) =>
            service.TryGetPort(port, out ServicePort declared) ? declared.Protocol : PortProtocol.Detect;
    }

    /// <summary>Whether hosts of requests lead to a service here.</summary>
    public bool HasHosts => !_hosts.IsEmpty;

    /// <summary>Whether server names of TLS lead to a service here.</summary>
    public bool HasServerNames => !_serverNames.IsEmpty;

    /// <summary>The service of a request's host; null for none that the client's namespace may see.</summary>
    /// <param name="authority">Host and perhaps port, as a request says it.</param>
    /// <param name="clientNamespace">The client's.</param>
    public Service? FindByAuthority(ReadOnlySpan<byte> authority, string clientNamespace)
    {
        ReadOnlySpan<byte> host = HostOf(authority);
        if (host.IsEmpty || host.Length > NameCharsMax || !HasHosts)
        {
            return null;
        }

        Span<char> name = stackalloc char[NameCharsMax];
        return Ascii.ToLower(host, name, out int chars) == System.Buffers.OperationStatus.Done
            ? _hosts.Find(name[..chars], clientNamespace)
            : null;
    }

    /// <summary>The service of the host a TLS client asks for, in lower case; null for none that the client's namespace may see.</summary>
    public Service? FindByServerName(string? serverName, string clientNamespace) =>
        string.IsNullOrEmpty(serverName) || serverName.Length > NameCharsMax ? null : _serverNames.Find(serverName, clientNamespace);

    /// <summary>The service of everything else that is said at the port; null for none that the client's namespace may see.</summary>
    public Service? FindByPort(string clientNamespace) => MeshSnapshot.Best(_byPort, clientNamespace);

    /// <summary>The host of an authority: without the port, the brackets of an IPv6 address and a final dot.</summary>
    public static ReadOnlySpan<byte> HostOf(ReadOnlySpan<byte> authority)
    {
        if (!authority.IsEmpty && authority[0] == '[')
        {
            int end = authority.IndexOf((byte)']');
            return end < 0 ? default : authority[1..end];
        }

        int colon = authority.IndexOf((byte)':');
        ReadOnlySpan<byte> host = colon < 0 ? authority : authority[..colon];
        return host.EndsWith("."u8) ? host[..^1] : host;
    }

    private static bool Has(Service service, ServiceReach reach) => (service.Reach & reach) != 0;

    /// <summary>Services by name.</summary>
    private sealed class NameTable
    {
        private readonly FrozenDictionary<string, ImmutableArray<Service>> _names;

        /// <summary>By what follows the star: a dot and a name.</summary>
        private readonly FrozenDictionary<string, ImmutableArray<Service>> _suffixes;

        public NameTable(IEnumerable<Service> services)
        {
            ILookup<bool, Service> byKind = services.ToLookup(service => service.Hostname.StartsWith("*.", StringComparison.Ordinal));
            _names = TableOf(byKind[false], service => service.Hostname);
            _suffixes = TableOf(byKind[true], service => service.Hostname[1..]);
        }

        public bool IsEmpty => _names.Count == 0 && _suffixes.Count == 0;

        public Service? Find(ReadOnlySpan<char> name, string clientNamespace)
        {
            if (_names.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out ImmutableArray<Service> claimants)
                && MeshSnapshot.Best(claimants, clientNamespace) is Service whole)
            {
                return whole;
            }

            if (_suffixes.Count == 0)
            {
                return null;
            }

            FrozenDictionary<string, ImmutableArray<Service>>.AlternateLookup<ReadOnlySpan<char>> suffixes =
                _suffixes.GetAlternateLookup<ReadOnlySpan<char>>();
            for (int dot = name.IndexOf('.'); dot > 0; dot = NextDot(name, dot))
            {
                if (suffixes.TryGetValue(name[dot..], out claimants) && MeshSnapshot.Best(claimants, clientNamespace) is Service found)
                {
                    return found;
                }
            }

            return null;
        }

        private static int NextDot(ReadOnlySpan<char> name, int dot)
        {
            int next = name[(dot + 1)..].IndexOf('.');
            return next < 0 ? -1 : dot + 1 + next;
        }

        private static FrozenDictionary<string, ImmutableArray<Service>> TableOf(
            IEnumerable<Service> services, Func<Service, string> keyOf) =>
            services.GroupBy(service => keyOf(service).ToLowerInvariant(), StringComparer.Ordinal)
                .ToFrozenDictionary(group => group.Key, group => group.ToImmutableArray(), StringComparer.Ordinal);
    }
}
