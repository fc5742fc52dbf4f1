using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Mesh.Node.Model;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Naming;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Dns;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;

namespace Mesh.Node.Proxy.Lookups;

/// <summary>
/// Answers what is asked about names of the mesh, and says of everything else that it is not ours. One for each loop; allocates nothing
/// once it has grown.
/// </summary>
/// <remarks>
/// Of a name of ours, addresses are answered and the hints of HTTPS and SVCB, which would lead past them, are said not to exist; whatever
/// else is asked of it, its server knows. No name is ever said not to exist: of a name that is not ours its server decides.
/// </remarks>
internal sealed class DnsResponder(LoopContext context)
{
    /// <summary>How long an answer may be remembered: ztunnel's time.</summary>
    public const uint TtlSeconds = 30;

    private readonly NameTable _names = new(context.Services.Options.ClusterDomain);
    private readonly List<IpValue> _addresses = [];
    private readonly byte[] _host = new byte[DnsName.BytesMax];

    /// <summary>Answers a question that is ours to answer.</summary>
    /// <param name="pod">Who asks.</param>
    /// <param name="message">The request's message.</param>
    /// <param name="query">What it asks.</param>
    /// <param name="destination">Where the answer goes.</param>
    /// <param name="bytesMax">The most bytes it may have.</param>
    /// <returns>The answer's bytes; 0 where it is not ours.</returns>
    public int TryAnswer(EnrolledPod pod, ReadOnlySpan<byte> message, in DnsQuery query, Span<byte> destination, int bytesMax)
    {
        // Before the mesh is known nothing is ours: what a pod needs to start must not wait for it.
        MeshSnapshot snapshot = context.Snapshot;
        bool asksForAddresses = query.Type is DnsTypes.A or DnsTypes.Aaaa;
        if (!snapshot.IsComplete
            || query.Opcode != 0
            || query.Class != DnsTypes.Internet
            || !query.IsWhole
            || !(asksForAddresses || query.Type is DnsTypes.Https or DnsTypes.Svcb)
            || !DnsName.TryWriteHost(query.NameIn(message), _host, out int hostBytes)
            || _names.Find(snapshot, _host.AsSpan(0, hostBytes), pod.Identity.Namespace) is not Service service
            || !_names.TryResolve(snapshot, service, pod.FindWorkload(snapshot)?.Network ?? "", _addresses))
        {
            return 0;
        }

        var writer = new DnsAnswerWriter(message, query, destination, bytesMax);
        if (query.EdnsVersion > 0)
        {
            return writer.Finish(DnsCode.BadVersion, isAuthoritative: false);
        }

        if (asksForAddresses)
        {
            AddAddresses(ref writer, pod, isIPv6: query.Type == DnsTypes.Aaaa);
        }

        return writer.Finish(DnsCode.None, isAuthoritative: true);
    }

    /// <summary>Those of one family, from another one on each time, so that clients which take the first share them out.</summary>
    private void AddAddresses(ref DnsAnswerWriter writer, EnrolledPod pod, bool isIPv6)
    {
        if (!CanUse(pod, isIPv6))
        {
            return;
        }

        Span<byte> bytes = stackalloc byte[16];
        int first = (int)context.Random.Next((ulong)_addresses.Count);
        for (int i = 0; i < _addresses.Count; i++)
        {
            IpValue address = _addresses[(first + i) % _addresses.Count];
            if (address.IsIPv6 != isIPv6)
            {
                continue;
            }

            if (isIPv6)
            {
                BinaryPrimitives.WriteUInt128BigEndian(bytes, address.Bits);
            }
            else
            {
                BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)address.Bits);
            }

            if (!writer.TryAddAddress(bytes[..(isIPv6 ? 16 : 4)], TtlSeconds))
            {
                return;
            }
        }
    }

    /// <summary>
    /// A pod that has no address of a family has no route either, and clients that try it first would fail. Where nothing is told of a
    /// pod's addresses, it is taken to have both.
    /// </summary>
    private static bool CanUse(EnrolledPod pod, bool isIPv6)
    {
        IReadOnlyList<IPAddress> own = pod.Details.Addresses;
        for (int i = 0; i < own.Count; i++)
        {
            if (own[i].AddressFamily == AddressFamily.InterNetworkV6 == isIPv6)
            {
                return true;
            }
        }

        return own.Count == 0;
    }
}
