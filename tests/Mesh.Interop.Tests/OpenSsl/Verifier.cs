using Mesh.Interop.OpenSsl;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>Accepts everybody, or exactly one identity, and remembers what it was asked.</summary>
internal sealed class Verifier(string? onlyUri = null) : IPeerVerifier
{
    public int Calls { get; private set; }

    public string? SerialNumber { get; private set; }

    public DateTimeOffset NotBefore { get; private set; }

    public DateTimeOffset NotAfter { get; private set; }

    public Exception? Throws { get; init; }

    public bool Accept(in PeerCertificateFacts facts, out string? reason)
    {
        Calls++;
        SerialNumber = facts.SerialNumber;
        NotBefore = facts.NotBefore;
        NotAfter = facts.NotAfter;
        if (Throws is not null)
        {
            throw Throws;
        }

        bool accepted = onlyUri is null || facts.UriSan == onlyUri;
        reason = accepted ? null : $"only {onlyUri} may speak here";
        return accepted;
    }
}
