using System.Buffers.Binary;

namespace Mesh.Node.Protocols.Dns;

/// <summary>
/// A request as a server reads it: its header, its one question and what its EDNS(0) record says. Refers to places in the message, which
/// is kept by whoever has it. Pure; no allocation.
/// </summary>
public readonly struct DnsQuery
{
    /// <summary>Bytes of a message's header.</summary>
    public const int HeaderBytes = 12;

    private const int ResponseFlag = 0x8000;
    private const int RecordBytesMin = 10;

    private DnsQuery(ushort flags, int nameBytes, ushort type, ushort @class)
    {
        Flags = flags;
        NameBytes = nameBytes;
        Type = type;
        Class = @class;
    }

    /// <summary>The second word of the header: opcode, RD and CD among it.</summary>
    public ushort Flags { get; }

    /// <summary>0 for a query; other requests (NOTIFY, UPDATE) are none of our business.</summary>
    public int Opcode => (Flags >> 11) & 0xF;

    /// <summary>Bytes of the question's name on the wire; 0 where there is no question that can be read.</summary>
    public int NameBytes { get; }

    /// <summary>What is asked for.</summary>
    public ushort Type { get; }

    public ushort Class { get; }

    /// <summary>Where the question ends, from the message's first byte.</summary>
    public int QuestionEnd => NameBytes == 0 ? HeaderBytes : HeaderBytes + NameBytes + 4;

    /// <summary>
    /// Whether everything behind the question can be read too, to the message's last byte. What cannot is for the server that it was sent
    /// to.
    /// </summary>
    public bool IsWhole { get; private init; }

    /// <summary>Whether it has an EDNS(0) record.</summary>
    public bool HasEdns { get; private init; }

    /// <summary>The longest answer it takes over UDP, as it says itself; 512 where it does not.</summary>
    public ushort PayloadBytes { get; private init; }

    /// <summary>Version of EDNS, 0 as a rule.</summary>
    public byte EdnsVersion { get; private init; }

    /// <summary>Whether it wants DNSSEC's records.</summary>
    public bool WantsSignatures { get; private init; }

    /// <summary>The question's name, plain, as it was written: upper and lower case are kept for the answer.</summary>
    public ReadOnlySpan<byte> NameIn(ReadOnlySpan<byte> message) => message.Slice(HeaderBytes, NameBytes);

    /// <summary>Reads a message that came to a server.</summary>
    /// <param name="message">All of it, without the length that TCP puts before it.</param>
    /// <param name="query">What could be read.</param>
    public static DnsQueryStatus Read(ReadOnlySpan<byte> message, out DnsQuery query)
    {
        query = default;
        if (message.Length < HeaderBytes)
        {
            return DnsQueryStatus.NoRequest;
        }

        ushort flags = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        if ((flags & ResponseFlag) != 0)
        {
            return DnsQueryStatus.NoRequest;
        }

        query = new DnsQuery(flags, 0, 0, 0) { PayloadBytes = 512 };
        if (BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1
            || !DnsName.TryMeasurePlain(message[HeaderBytes..], out int nameBytes)
            || HeaderBytes + nameBytes + 4 > message.Length)
        {
            return DnsQueryStatus.Malformed;
        }

        ReadOnlySpan<byte> rest = message[(HeaderBytes + nameBytes)..];
        query = new DnsQuery(
            flags, nameBytes, BinaryPrimitives.ReadUInt16BigEndian(rest), BinaryPrimitives.ReadUInt16BigEndian(rest[2..]))
        {
            PayloadBytes = 512,
        };
        query = query.WithRecords(message);
        return DnsQueryStatus.Question;
    }

    private DnsQuery WithRecords(ReadOnlySpan<byte> message)
    {
        int plainRecords = BinaryPrimitives.ReadUInt16BigEndian(message[6..]) + BinaryPrimitives.ReadUInt16BigEndian(message[8..]);
        int records = plainRecords + BinaryPrimitives.ReadUInt16BigEndian(message[10..]);
        int offset = QuestionEnd;
        DnsQuery read = this;
        for (int i = 0; i < records; i++)
        {
            int start = offset;
            if (!DnsName.TrySkip(message, ref offset) || offset + RecordBytesMin > message.Length)
            {
                return this;
            }

            ReadOnlySpan<byte> record = message[offset..];
            int end = offset + RecordBytesMin + BinaryPrimitives.ReadUInt16BigEndian(record[8..]);
            if (end > message.Length)
            {
                return this;
            }

            if (BinaryPrimitives.ReadUInt16BigEndian(record) == DnsTypes.Opt)
            {
                // One, of the root, among the additional records (RFC 6891 section 6.1.1).
                if (read.HasEdns || i < plainRecords || message[start] != 0)
                {
                    return this;
                }

                read = read with
                {
                    HasEdns = true,
                    PayloadBytes = Math.Max((ushort)512, BinaryPrimitives.ReadUInt16BigEndian(record[2..])),
                    EdnsVersion = record[5],
                    WantsSignatures = (record[6] & 0x80) != 0,
                };
            }

            offset = end;
        }

        return offset == message.Length ? read with { IsWhole = true } : this;
    }
}
