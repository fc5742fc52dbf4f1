using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// Rules and routes of one network namespace, read and changed over a socket of its own (netlink(7), rtnetlink(7)). One caller at a time.
/// The kernel answers while it takes the request, so nothing here waits.
/// </summary>
public sealed unsafe class RouteNetlink : IDisposable
{
    // linux/netlink.h, linux/rtnetlink.h, linux/fib_rules.h.
    private const int AF_NETLINK = 16;
    private const int NETLINK_ROUTE = 0;
    private const ushort NLMSG_ERROR = 2;
    private const ushort NLMSG_DONE = 3;
    private const ushort RTM_NEWROUTE = 24;
    private const ushort RTM_DELROUTE = 25;
    private const ushort RTM_GETROUTE = 26;
    private const ushort RTM_NEWRULE = 32;
    private const ushort RTM_DELRULE = 33;
    private const ushort RTM_GETRULE = 34;
    private const ushort NLM_F_REQUEST = 0x1;
    private const ushort NLM_F_ACK = 0x4;
    private const ushort NLM_F_DUMP_INTR = 0x10;
    private const ushort NLM_F_DUMP = 0x300;
    private const ushort NLM_F_EXCL = 0x200;
    private const ushort NLM_F_CREATE = 0x400;
    private const ushort FRA_PRIORITY = 6;
    private const ushort FRA_FWMARK = 10;
    private const ushort FRA_SUPPRESS_IFGROUP = 13;
    private const ushort FRA_SUPPRESS_PREFIXLEN = 14;
    private const ushort FRA_TABLE = 15;
    private const ushort FRA_FWMASK = 16;
    private const ushort FRA_PAD = 18;
    private const ushort FRA_PROTOCOL = 21;
    private const ushort RTA_DST = 1;
    private const ushort RTA_OIF = 4;
    private const ushort RTA_GATEWAY = 5;
    private const ushort RTA_TABLE = 15;
    private const byte FR_ACT_TO_TBL = 1;
    private const byte RTN_LOCAL = 2;
    private const byte RTPROT_BOOT = 3;
    private const byte RT_SCOPE_HOST = 254;
    private const ushort NLA_TYPE_MASK = 0x3fff;

    // The loopback interface has this index in every namespace (LOOPBACK_IFINDEX of the kernel's net/net_namespace.h).
    private const uint LoopbackIndex = 1;

    private const int HeaderBytes = 16;
    private const int AttributeHeaderBytes = 4;
    private const int RuleHeaderBytes = 12;
    private const int RouteHeaderBytes = 12;
    private const int AnswerBytes = 64 * 1024;
    private const int DumpsMax = 10;

    private readonly FileDescriptorHandle _socket;
    private readonly byte[] _answer = new byte[AnswerBytes];
    private uint _sequence;

    private RouteNetlink(FileDescriptorHandle socket) => _socket = socket;

    /// <summary>Opens it in a namespace.</summary>
    /// <exception cref="PosixException">EMFILE; EPERM without the right to enter the namespace.</exception>
    public static RouteNetlink Open(NetNamespace network)
    {
        int descriptor = network.Run(0, static _ => SysResult.From(
            LibC.socket(AF_NETLINK, LibC.SOCK_RAW | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC, NETLINK_ROUTE)).OrThrow("socket AF_NETLINK"));
        return new RouteNetlink(new FileDescriptorHandle(descriptor));
    }

    /// <summary>All rules of a family.</summary>
    /// <exception cref="PosixException">EOPNOTSUPP where the kernel has none; what else it refuses with.</exception>
    public IReadOnlyList<RoutingRule> ReadRules(AddressFamily family)
    {
        byte[] header = new byte[RuleHeaderBytes];
        header[0] = FamilyOf(family);
        List<RoutingRule> rules = [];
        Dump(RTM_GETRULE, RTM_NEWRULE, header, rules.Clear, payload =>
        {
            if (payload.Length >= RuleHeaderBytes && payload[0] == FamilyOf(family))
            {
                rules.Add(ReadRule(payload));
            }
        });
        return rules;
    }

    /// <summary>The routes of one table of a family.</summary>
    /// <exception cref="PosixException">What the kernel refuses with.</exception>
    public IReadOnlyList<TableRoute> ReadRoutes(AddressFamily family, uint table)
    {
        byte[] header = new byte[RouteHeaderBytes];
        header[0] = FamilyOf(family);
        List<TableRoute> routes = [];
        Dump(RTM_GETROUTE, RTM_NEWROUTE, header, routes.Clear, payload =>
        {
            if (payload.Length >= RouteHeaderBytes && payload[0] == FamilyOf(family) && ReadRoute(payload, table) is TableRoute route)
            {
                routes.Add(route);
            }
        });
        return routes;
    }

    /// <summary>Adds the rule that leads packets with a mark to a table.</summary>
    /// <exception cref="PosixException">EEXIST where it is there.</exception>
    public void AddRule(AddressFamily family, uint preference, uint mark, uint mask, uint table)
    {
        List<byte> message = [FamilyOf(family), 0, 0, 0, (byte)(table < 256 ? table : 0), 0, 0, FR_ACT_TO_TBL, 0, 0, 0, 0];
        Append(message, FRA_PRIORITY, preference);
        Append(message, FRA_FWMARK, mark);
        Append(message, FRA_FWMASK, mask);
        Append(message, FRA_TABLE, table);
        Change(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, [.. message], $"add rule {preference}");
    }

    /// <summary>Deletes a rule that was read.</summary>
    /// <exception cref="PosixException">ENOENT where it is gone.</exception>
    public void DeleteRule(RoutingRule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        Change(RTM_DELRULE, 0, rule.Raw, $"delete rule {rule.Preference}");
    }

    /// <summary>Adds the route that delivers everything locally.</summary>
    /// <exception cref="PosixException">EEXIST where it is there.</exception>
    public void AddLocalDefault(AddressFamily family, uint table) =>
        Change(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, LocalDefault(family, table), $"add local default to table {table}");

    /// <summary>Deletes it.</summary>
    /// <exception cref="PosixException">ESRCH where it is gone.</exception>
    public void DeleteLocalDefault(AddressFamily family, uint table) =>
        Change(RTM_DELROUTE, 0, LocalDefault(family, table), $"delete local default of table {table}");

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _socket.Dispose();

    private static byte[] LocalDefault(AddressFamily family, uint table)
    {
        List<byte> message =
            [FamilyOf(family), 0, 0, 0, (byte)(table < 256 ? table : 0), RTPROT_BOOT, RT_SCOPE_HOST, RTN_LOCAL, 0, 0, 0, 0];
        Append(message, RTA_OIF, LoopbackIndex);
        Append(message, RTA_TABLE, table);
        return [.. message];
    }

    private static RoutingRule ReadRule(ReadOnlySpan<byte> payload)
    {
        // Without addresses, type of service or inversion, and leading to a table.
        RoutingRule rule = new()
        {
            IsPlain = payload[1] == 0 && payload[2] == 0 && payload[3] == 0 && payload[7] == FR_ACT_TO_TBL
                && BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]) == 0,
            Table = payload[4],
            Raw = payload.ToArray(),
        };
        foreach ((ushort type, Range value) in Attributes(payload, RuleHeaderBytes))
        {
            ReadOnlySpan<byte> content = payload[value];
            uint number = content.Length == 4 ? MemoryMarshal.Read<uint>(content) : 0;
            switch (type)
            {
                case FRA_PRIORITY:
                    rule.Preference = number;
                    break;
                case FRA_FWMARK:
                    rule.Mark = number;
                    break;
                case FRA_FWMASK:
                    rule.Mask = number;
                    break;
                case FRA_TABLE:
                    rule.Table = number;
                    break;
                case FRA_SUPPRESS_PREFIXLEN or FRA_SUPPRESS_IFGROUP:
                    rule.IsPlain &= number == uint.MaxValue;
                    break;
                case FRA_PAD or FRA_PROTOCOL:
                    break;
                default:
                    rule.IsPlain = false;
                    break;
            }
        }

        return rule;
    }

    private static TableRoute? ReadRoute(ReadOnlySpan<byte> payload, uint wanted)
    {
        uint table = payload[4];
        TableRoute route = new() { PrefixBits = payload[1] };
        foreach ((ushort type, Range value) in Attributes(payload, RouteHeaderBytes))
        {
            ReadOnlySpan<byte> content = payload[value];
            switch (type)
            {
                case RTA_TABLE when content.Length == 4:
                    table = MemoryMarshal.Read<uint>(content);
                    break;
                case RTA_OIF when content.Length == 4:
                    route.Interface = MemoryMarshal.Read<uint>(content);
                    break;
                case RTA_DST when content.Length is 4 or 16:
                    route.Destination = new IPAddress(content);
                    break;
                case RTA_GATEWAY when content.Length is 4 or 16:
                    route.Gateway = new IPAddress(content);
                    break;
            }
        }

        route.IsLocalDefault = payload[7] == RTN_LOCAL && payload[1] == 0 && payload[2] == 0 && payload[3] == 0
            && route is { Gateway: null, Interface: LoopbackIndex };
        return table == wanted ? route : null;
    }

    private static List<(ushort Type, Range Value)> Attributes(ReadOnlySpan<byte> payload, int start)
    {
        List<(ushort, Range)> found = [];
        while (start + AttributeHeaderBytes <= payload.Length)
        {
            int length = MemoryMarshal.Read<ushort>(payload[start..]);
            if (length < AttributeHeaderBytes || start + length > payload.Length)
            {
                break;
            }

            ushort type = (ushort)(MemoryMarshal.Read<ushort>(payload[(start + 2)..]) & NLA_TYPE_MASK);
            found.Add((type, (start + AttributeHeaderBytes)..(start + length)));
            start += Align(length);
        }

        return found;
    }

    private static void Append(List<byte> message, ushort type, uint value)
    {
        Span<byte> attribute = stackalloc byte[8];
        ushort length = 8;
        MemoryMarshal.Write(attribute, in length);
        MemoryMarshal.Write(attribute[2..], in type);
        MemoryMarshal.Write(attribute[4..], in value);
        message.AddRange(attribute);
    }

    private static int Align(int length) => (length + 3) & ~3;

    private static byte FamilyOf(AddressFamily family) => (byte)SocketAddress.NativeFamily(family);

    private void Change(ushort type, int flags, byte[] payload, string operation)
    {
        Send(type, (ushort)(NLM_F_REQUEST | NLM_F_ACK | flags), payload, operation);
        bool isAnswered = false;
        while (!isAnswered)
        {
            Receive(operation, (kind, _, content) =>
            {
                if (kind == NLMSG_ERROR)
                {
                    ThrowIfRefused(content, operation);
                    isAnswered = true;
                }
            });
        }
    }

    /// <summary>Reads a whole list; once more where it changed meanwhile.</summary>
    private void Dump(ushort type, ushort itemType, byte[] header, Action begin, ReadItem read)
    {
        for (int round = 0; round < DumpsMax; round++)
        {
            begin();
            Send(type, NLM_F_REQUEST | NLM_F_DUMP, header, "dump");
            bool isDone = false;
            bool hasChanged = false;
            while (!isDone)
            {
                Receive("dump", (kind, flags, content) =>
                {
                    hasChanged |= (flags & NLM_F_DUMP_INTR) != 0;
                    if (kind == itemType)
                    {
                        read(content);
                    }
                    else if (kind is NLMSG_DONE or NLMSG_ERROR)
                    {
                        isDone = true;
                        ThrowIfRefused(content, "dump");
                    }
                });
            }

            if (!hasChanged)
            {
                return;
            }
        }

        throw new PosixException(Errno.EINTR, "dump of a list that goes on changing");
    }

    private void Send(ushort type, ushort flags, byte[] payload, string operation)
    {
        byte[] message = new byte[HeaderBytes + payload.Length];
        int length = message.Length;
        uint sequence = ++_sequence;
        MemoryMarshal.Write(message, in length);
        MemoryMarshal.Write(message.AsSpan(4), in type);
        MemoryMarshal.Write(message.AsSpan(6), in flags);
        MemoryMarshal.Write(message.AsSpan(8), in sequence);
        payload.CopyTo(message.AsSpan(HeaderBytes));
        using FdLease lease = new(_socket);
        fixed (byte* start = message)
        {
            SysResult.From((nint)(long)LibC.send(lease.Number, start, (size_t)message.Length, 0)).OrThrow(operation);
        }
    }

    private void Receive(string operation, ReadMessage read)
    {
        int received;
        using (FdLease lease = new(_socket))
        {
            fixed (byte* start = _answer)
            {
                received = SysResult.From((nint)(long)LibC.recv(lease.Number, start, (size_t)_answer.Length, 0)).OrThrow(operation);
            }
        }

        ReadOnlySpan<byte> rest = _answer.AsSpan(0, received);
        while (rest.Length >= HeaderBytes)
        {
            int length = MemoryMarshal.Read<int>(rest);
            if (length < HeaderBytes || length > rest.Length)
            {
                throw new PosixException(Errno.EINVAL, operation);
            }

            if (MemoryMarshal.Read<uint>(rest[8..]) == _sequence)
            {
                read(MemoryMarshal.Read<ushort>(rest[4..]), MemoryMarshal.Read<ushort>(rest[6..]), rest[HeaderBytes..length]);
            }

            rest = rest[Math.Min(Align(length), rest.Length)..];
        }
    }

    private static void ThrowIfRefused(ReadOnlySpan<byte> content, string operation)
    {
        int error = content.Length >= 4 ? MemoryMarshal.Read<int>(content) : 0;
        if (error < 0)
        {
            throw new PosixException((Errno)(-error), operation);
        }
    }

    private delegate void ReadItem(ReadOnlySpan<byte> payload);

    private delegate void ReadMessage(ushort type, ushort flags, ReadOnlySpan<byte> content);
}
