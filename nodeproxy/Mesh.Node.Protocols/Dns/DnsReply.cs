using System.Buffers.Binary;

namespace Mesh.Node.Protocols.Dns;

/// <summary>Tells a server's answer to a query from what only pretends to be one (RFC 5452 section 9). Pure; no allocation.</summary>
public static class DnsReply
{
    /// <summary>
    /// Whether a message answers a query: its identifier and opcode, and its question word by word. That it came from the server's address
    /// and port is the socket's business.
    /// </summary>
    /// <param name="message">What came.</param>
    /// <param name="id">The identifier the query was sent with.</param>
    /// <param name="question">The query's message.</param>
    /// <param name="query">The query.</param>
    public static bool Answers(ReadOnlySpan<byte> message, ushort id, ReadOnlySpan<byte> question, in DnsQuery query)
    {
        if (message.Length < DnsQuery.HeaderBytes
            || BinaryPrimitives.ReadUInt16BigEndian(message) != id
            || (message[2] & 0x80) == 0
            || ((message[2] >> 3) & 0xF) != query.Opcode)
        {
            return false;
        }

        int questions = BinaryPrimitives.ReadUInt16BigEndian(message[4..]);
        if (questions == 0)
        {
            // A server that refuses may leave the question out.
            return (message[3] & 0xF) != 0;
        }

        return questions == 1
            && message.Length >= query.QuestionEnd
            && DnsName.TryMeasurePlain(message[DnsQuery.HeaderBytes..], out int nameBytes)
            && nameBytes == query.NameBytes
            && DnsName.AreSame(message.Slice(DnsQuery.HeaderBytes, nameBytes), query.NameIn(question))
            && message.Slice(query.QuestionEnd - 4, 4).SequenceEqual(question.Slice(query.QuestionEnd - 4, 4));
    }
}
