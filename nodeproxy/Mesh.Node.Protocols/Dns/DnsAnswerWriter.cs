using System.Buffers.Binary;

namespace Mesh.Node.Protocols.Dns;

/// <summary>
/// Writes the answer to one query: its header and question as they came, addresses for the question's name, and an EDNS(0) record where
/// the query had one. Pure; no allocation.
/// </summary>
public ref struct DnsAnswerWriter
{
    /// <summary>The longest answer over UDP, whatever a client says it takes: it is never cut into fragments (RFC 9715).</summary>
    public const int DatagramBytesMax = 1232;

    private const int OptBytes = 11;
    private const ushort Response = 0x8000;
    private const ushort Authoritative = 0x0400;
    private const ushort Truncated = 0x0200;
    private const ushort RecursionAvailable = 0x0080;

    // What an answer repeats of its query: opcode, RD and CD.
    private const ushort Repeated = 0x7910;

    private readonly Span<byte> _destination;
    private readonly DnsQuery _query;
    private readonly int _bytesMax;
    private int _length;
    private int _answers;
    private bool _isTruncated;

    /// <param name="message">The query's message.</param>
    /// <param name="query">The query; one without a question is repeated without one.</param>
    /// <param name="destination">Where the answer goes; room for header, question and an EDNS(0) record.</param>
    /// <param name="bytesMax">The most bytes the answer may have.</param>
    /// <exception cref="ArgumentException">There is too little room.</exception>
    public DnsAnswerWriter(ReadOnlySpan<byte> message, in DnsQuery query, Span<byte> destination, int bytesMax)
    {
        _destination = destination;
        _query = query;
        _bytesMax = Math.Min(bytesMax, destination.Length) - (query.HasEdns ? OptBytes : 0);
        _length = query.QuestionEnd;
        if (_length > _bytesMax)
        {
            throw new ArgumentException("There is too little room for a header and a question.", nameof(destination));
        }

        message[.._length].CopyTo(destination);
    }

    /// <summary>The most bytes of an answer over UDP to this query.</summary>
    public static int DatagramBytes(in DnsQuery query) => Math.Min((int)query.PayloadBytes, DatagramBytesMax);

    /// <summary>Adds a record of the question's name.</summary>
    /// <param name="address">4 or 16 bytes in network order.</param>
    /// <param name="ttlSeconds">How long it may be remembered.</param>
    /// <returns>False when there is no room for it: the answer then says that it was cut.</returns>
    /// <exception cref="InvalidOperationException">The query has no question.</exception>
    public bool TryAddAddress(scoped ReadOnlySpan<byte> address, uint ttlSeconds)
    {
        const int BeforeAddress = 12;
        if (_query.NameBytes == 0)
        {
            throw new InvalidOperationException("There is no name to give an address.");
        }

        if (_isTruncated || _length + BeforeAddress + address.Length > _bytesMax || _answers == ushort.MaxValue)
        {
            _isTruncated = true;
            return false;
        }

        // The name is a pointer to the question's.
        Span<byte> record = _destination[_length..];
        BinaryPrimitives.WriteUInt16BigEndian(record, 0xC000 | DnsQuery.HeaderBytes);
        BinaryPrimitives.WriteUInt16BigEndian(record[2..], address.Length == 4 ? DnsTypes.A : DnsTypes.Aaaa);
        BinaryPrimitives.WriteUInt16BigEndian(record[4..], DnsTypes.Internet);
        BinaryPrimitives.WriteUInt32BigEndian(record[6..], ttlSeconds);
        BinaryPrimitives.WriteUInt16BigEndian(record[10..], (ushort)address.Length);
        address.CopyTo(record[BeforeAddress..]);
        _length += BeforeAddress + address.Length;
        _answers++;
        return true;
    }

    /// <summary>Ends the answer.</summary>
    /// <param name="code">What is said of the question. Codes above 15 need the query's EDNS(0) record.</param>
    /// <param name="isAuthoritative">Whether we are who decides about the name.</param>
    /// <returns>Its bytes.</returns>
    public int Finish(DnsCode code, bool isAuthoritative)
    {
        int flags = Response | RecursionAvailable | (_query.Flags & Repeated) | ((int)code & 0xF)
            | (isAuthoritative ? Authoritative : 0) | (_isTruncated ? Truncated : 0);
        BinaryPrimitives.WriteUInt16BigEndian(_destination[2..], (ushort)flags);
        BinaryPrimitives.WriteUInt16BigEndian(_destination[4..], (ushort)(_query.NameBytes == 0 ? 0 : 1));
        BinaryPrimitives.WriteUInt16BigEndian(_destination[6..], (ushort)_answers);
        BinaryPrimitives.WriteUInt16BigEndian(_destination[8..], 0);
        BinaryPrimitives.WriteUInt16BigEndian(_destination[10..], (ushort)(_query.HasEdns ? 1 : 0));
        if (!_query.HasEdns)
        {
            return _length;
        }

        Span<byte> opt = _destination.Slice(_length, OptBytes);
        opt.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(opt[1..], DnsTypes.Opt);
        BinaryPrimitives.WriteUInt16BigEndian(opt[3..], DatagramBytesMax);
        opt[5] = (byte)((int)code >> 4);
        opt[7] = _query.WantsSignatures ? (byte)0x80 : (byte)0;
        return _length + OptBytes;
    }
}
