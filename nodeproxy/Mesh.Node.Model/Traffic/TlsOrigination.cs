using System.Collections.Immutable;

namespace Mesh.Node.Model.Traffic;

/// <summary>
/// That connections to endpoints outside the mesh are made in TLS, and how. Immutable; two that say the same are equal, so that connections
/// are shared across changes of configuration that do not concern them.
/// </summary>
public sealed class TlsOrigination : IEquatable<TlsOrigination>
{
    private string? _identity;

    /// <summary>The host that is asked for; empty for the one that the connection or the request is for.</summary>
    public string ServerName { get; init; } = "";

    /// <summary>DNS names, addresses or URIs, one of which the server's certificate must be for; empty for the server's name.</summary>
    public ImmutableArray<string> AcceptedNames { get; init; } = [];

    /// <summary>Whoever answers is accepted.</summary>
    public bool SkipsVerification { get; init; }

    /// <summary>A file of the node with the roots that servers are verified against; empty for the system's.</summary>
    public string RootsFile { get; init; } = "";

    /// <summary>A file of the node with revocation lists; empty for none.</summary>
    public string RevocationsFile { get; init; } = "";

    /// <summary>A file of the node with our certificate for servers that ask for one; empty for none.</summary>
    public string CertificateFile { get; init; } = "";

    /// <summary>A file of the node with its private key; empty for none.</summary>
    public string KeyFile { get; init; } = "";

    // What it says, in an order that is always the same. Lost to a race, it is made again.
    private string Identity => _identity ??= string.Join(
        '\n', [ServerName, $"{SkipsVerification}", RootsFile, RevocationsFile, CertificateFile, KeyFile, .. AcceptedNames]);

    public bool Equals(TlsOrigination? other) =>
        ReferenceEquals(this, other) || (other is not null && string.Equals(Identity, other.Identity, StringComparison.Ordinal));

    public override bool Equals(object? obj) => Equals(obj as TlsOrigination);

    public override int GetHashCode() => Identity.GetHashCode(StringComparison.Ordinal);
}
