using System.Net;

namespace Mesh.Node.Capture.Rules;

/// <summary>
/// A condition on a packet; those on connections and openings concern TCP. Closed: every back-end says how it writes each kind.
/// </summary>
internal abstract record RuleMatch
{
    private RuleMatch()
    {
    }

    /// <summary>Came in by the loopback interface (or did not).</summary>
    public sealed record FromLoopback(bool Expected = true) : RuleMatch;

    /// <summary>Goes out by the loopback interface (or does not).</summary>
    public sealed record ToLoopback(bool Expected = true) : RuleMatch;

    /// <summary>Goes to this port (or does not).</summary>
    public sealed record DestinationPort(ushort Port, bool Expected = true) : RuleMatch;

    /// <summary>Goes to an address in this network. Concerns one family only.</summary>
    public sealed record DestinationIn(IPNetwork Network) : RuleMatch;

    /// <summary>Comes from an address in this network. Concerns one family only.</summary>
    public sealed record SourceIn(IPNetwork Network) : RuleMatch;

    /// <summary>Opens a connection (or does not): SYN set; ACK, RST and FIN clear.</summary>
    public sealed record Opening(bool Expected = true) : RuleMatch;

    /// <summary>Carries this packet mark under <see cref="CaptureMarks.Mask"/> (or does not).</summary>
    public sealed record PacketMark(uint Mark, bool Expected = true) : RuleMatch;

    /// <summary>Belongs to a connection with this mark under <see cref="CaptureMarks.Mask"/>.</summary>
    public sealed record ConnectionMark(uint Mark) : RuleMatch;

    /// <summary>Goes the way the connection's first packet went (or the other way).</summary>
    public sealed record OriginalDirection(bool Expected = true) : RuleMatch;

    /// <summary>
    /// Its only socket is a listener on every address (or it has another: an open connection, or a listener on its very address). Exists
    /// for nft: the socket match of iptables passes such listeners over by itself, so there the rule is left out.
    /// </summary>
    public sealed record OnlyWildcardListener(bool Expected = true) : RuleMatch;

    /// <summary>Has a socket: an open connection, one being opened or one just closed, or a listener on its very address.</summary>
    public sealed record HasSocket : RuleMatch;

    /// <summary>Has a socket that may act for other addresses (IP_TRANSPARENT): one of the proxy's.</summary>
    public sealed record HasTransparentSocket : RuleMatch;
}
