using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Sniffing;

namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>What a client's connection begins with, as far as the proxy that captured it knows; told to the far one in CONNECT.</summary>
/// <remarks>
/// It spares the far proxy a wait and nothing else. Whoever says that bytes are no requests has them judged as such, which is stricter;
/// whoever says that they are has them read as such.
/// </remarks>
internal enum Beginning
{
    /// <summary>Nobody has looked, or the proxy does not say.</summary>
    Unknown,

    /// <summary>A request of HTTP/1.</summary>
    Http1,

    /// <summary>The preface of HTTP/2.</summary>
    Http2,

    /// <summary>A TLS handshake.</summary>
    Tls,

    /// <summary>Something else.</summary>
    Other,

    /// <summary>Nothing for the whole time limit.</summary>
    Silence,

    /// <summary>
    /// Nothing so far, and it was not waited for, since the port's server is known to speak first (<see cref="PortHints"/>).
    /// </summary>
    SilenceExpected,
}

/// <summary>The words for it.</summary>
internal static class Beginnings
{
    /// <summary>The field of a CONNECT that has it.</summary>
    public static ReadOnlySpan<byte> FieldName => "x-mesh-begins-with"u8;

    /// <summary>Whether a port that declares so has clients that ask requests.</summary>
    public static bool IsHttp(PortProtocol protocol) => protocol is PortProtocol.Http or PortProtocol.Http2 or PortProtocol.Grpc;

    /// <summary>What a look found.</summary>
    /// <param name="first">The look's end.</param>
    /// <param name="wasExpected">Whether the client was not waited for.</param>
    public static Beginning Of(in PeekResult first, bool wasExpected) => (first.Outcome, first.Protocol) switch
    {
        (PeekOutcome.Decided, SniffedProtocol.Http1) => Beginning.Http1,
        (PeekOutcome.Decided, SniffedProtocol.Http2) => Beginning.Http2,
        (PeekOutcome.Decided, SniffedProtocol.Tls) => Beginning.Tls,
        (PeekOutcome.Silent, _) => wasExpected ? Beginning.SilenceExpected : Beginning.Silence,
        _ => Beginning.Other,
    };

    /// <summary>Empty for what is not known.</summary>
    public static ReadOnlySpan<byte> TextOf(Beginning beginning) => beginning switch
    {
        Beginning.Http1 => "http/1.1"u8,
        Beginning.Http2 => "h2"u8,
        Beginning.Tls => "tls"u8,
        Beginning.Other => "other"u8,
        Beginning.Silence => "silence"u8,
        Beginning.SilenceExpected => "silence-expected"u8,
        _ => default,
    };

    /// <summary>Reads a text; what is none of these says nothing.</summary>
    public static Beginning Parse(ReadOnlySpan<byte> text)
    {
        for (Beginning beginning = Beginning.Http1; beginning <= Beginning.SilenceExpected; beginning++)
        {
            if (text.SequenceEqual(TextOf(beginning)))
            {
                return beginning;
            }
        }

        return Beginning.Unknown;
    }
}
