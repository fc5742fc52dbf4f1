using System.Buffers;
using System.Diagnostics;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Sniffing;

/// <summary>Tells by a connection's first bytes what its client speaks, of a port that does not say. Pure.</summary>
/// <remarks>
/// Only what nothing else begins with is HTTP: the whole of HTTP/2's preface, or a method, a target and <c>HTTP/</c>. A method alone is not
/// enough, because the commands of text protocols look like one (<c>get key</c>). What was decided stays so, whatever follows.
/// </remarks>
public static class ProtocolSniffer
{
    /// <summary>The most bytes that are ever looked at: a caller that shows so many gets an answer.</summary>
    public const int BytesMax = 16 * 1024;

    private const int MethodBytesMax = 32;

    // Type, version and length of a record, and the type of the handshake message in it.
    private const int TlsBytes = TlsRecord.HeaderBytes + 1;

    // A target may have bytes that are wrong in one, so that the reader of requests says so; but none that ends it or controls a terminal.
    private static readonly SearchValues<byte> s_targetEnds = SearchValues.Create(
    [
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
        0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x7f,
    ]);

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    private static ReadOnlySpan<byte> VersionStart => "HTTP/"u8;

    /// <summary>Looks at the bytes a connection begins with.</summary>
    /// <param name="first">All that has come, from the first byte on. May be empty, and longer than <see cref="BytesMax"/>.</param>
    public static SniffedProtocol Sniff(ReadOnlySpan<byte> first)
    {
        if (first.Length > BytesMax)
        {
            first = first[..BytesMax];
        }

        SniffedProtocol sniffed = Look(first);
        return sniffed == SniffedProtocol.NeedMore && first.Length == BytesMax ? SniffedProtocol.Other : sniffed;
    }

    private static SniffedProtocol Look(ReadOnlySpan<byte> first)
    {
        if (first.Length < Preface.Length ? Preface.StartsWith(first) : first.StartsWith(Preface))
        {
            return first.Length < Preface.Length ? SniffedProtocol.NeedMore : SniffedProtocol.Http2;
        }

        Debug.Assert(!first.IsEmpty, "Everything begins with nothing.");
        return first[0] == TlsRecord.Handshake ? LookForTls(first) : LookForRequestLine(first);
    }

    private static SniffedProtocol LookForTls(ReadOnlySpan<byte> first)
    {
        if (!TlsRecord.MayBegin(first) || (first.Length >= TlsBytes && first[TlsBytes - 1] != TlsRecord.ClientHello))
        {
            return SniffedProtocol.Other;
        }

        return first.Length < TlsBytes ? SniffedProtocol.NeedMore : SniffedProtocol.Tls;
    }

    private static SniffedProtocol LookForRequestLine(ReadOnlySpan<byte> first)
    {
        int methodBytes = first.IndexOfAnyExcept(FieldRules.TokenBytes);
        if (methodBytes < 0)
        {
            return first.Length > MethodBytesMax ? SniffedProtocol.Other : SniffedProtocol.NeedMore;
        }

        if (methodBytes is 0 or > MethodBytesMax || first[methodBytes] != (byte)' ')
        {
            return SniffedProtocol.Other;
        }

        ReadOnlySpan<byte> target = first[(methodBytes + 1)..];
        int targetBytes = target.IndexOfAny(s_targetEnds);
        if (targetBytes < 0)
        {
            return SniffedProtocol.NeedMore;
        }

        if (targetBytes == 0 || target[targetBytes] != (byte)' ')
        {
            return SniffedProtocol.Other;
        }

        ReadOnlySpan<byte> version = target[(targetBytes + 1)..];
        if (version.Length < VersionStart.Length)
        {
            return VersionStart.StartsWith(version) ? SniffedProtocol.NeedMore : SniffedProtocol.Other;
        }

        return version.StartsWith(VersionStart) ? SniffedProtocol.Http1 : SniffedProtocol.Other;
    }
}
