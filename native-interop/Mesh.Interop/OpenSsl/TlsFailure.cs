using Mesh.Interop.Linux;

namespace Mesh.Interop.OpenSsl;

/// <summary>Why a session failed. Immutable; made once, when it fails.</summary>
/// <param name="Kind">The name to count and to decide by.</param>
/// <param name="Detail">
/// A sentence for people, with OpenSSL's own words. It may hold text the peer chose, so it belongs in logs and never in a metric label.
/// </param>
public sealed record TlsFailure(TlsFailureKind Kind, string Detail)
{
    /// <summary>The alert the peer sent (RFC 8446 §6), or <see langword="null"/> when it sent none.</summary>
    public int? AlertNumber { get; init; }

    /// <summary>What the transport reported, where it was the transport that failed; <see cref="Errno.None"/> otherwise.</summary>
    public Errno TransportError { get; init; }

    /// <summary>Kind and detail, as one line.</summary>
    public override string ToString() => $"{Kind}: {Detail}";
}
