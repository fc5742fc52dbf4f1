using Mesh.Node.Protocols.Sniffing;

namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>What a connection begins with.</summary>
/// <param name="Outcome">How the look ended.</param>
/// <param name="Protocol">What the client speaks, when that was decided; otherwise <see cref="SniffedProtocol.Other"/>.</param>
/// <param name="ServerName">
/// The host a TLS client asks for, in lower case. Null when it asks for none, or its hello is malformed or did not come whole in time.
/// </param>
internal readonly record struct PeekResult(PeekOutcome Outcome, SniffedProtocol Protocol, string? ServerName)
{
    /// <summary>An end before anything was decided.</summary>
    public static PeekResult Undecided(PeekOutcome outcome) => new(outcome, SniffedProtocol.Other, null);
}
