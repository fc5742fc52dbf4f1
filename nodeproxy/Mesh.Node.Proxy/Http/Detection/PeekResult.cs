using Mesh.Node.Protocols.Sniffing;

namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>What a connection begins with.</summary>
/// <param name="Outcome">How the look ended.</param>
/// <param name="Protocol">What the client speaks, when that was decided; otherwise <see cref="SniffedProtocol.Other"/>.</param>
/// <param name="ServerName">
/// The host a TLS client asks for, in lower case; empty when it asks for none or speaks no TLS. Null where that could not be read: the
/// client said nothing, did not say enough in time, or its hello breaks a rule.
/// </param>
internal readonly record struct PeekResult(PeekOutcome Outcome, SniffedProtocol Protocol, string? ServerName)
{
    /// <summary>An end before anything was decided.</summary>
    public static PeekResult Undecided(PeekOutcome outcome) => new(outcome, SniffedProtocol.Other, null);
}
