using System.Diagnostics.CodeAnalysis;
using Mesh.Api.Identity;
using Mesh.Interop.OpenSsl;

namespace Mesh.Node.Proxy.Identity;

/// <summary>
/// Certificates of the workloads of this node, to use: nobody can see a key through it, or ask the authority for an identity that no
/// workload here has. Any thread.
/// </summary>
public interface ICertificateReader
{
    /// <summary>
    /// Raised after roots or revocation lists were replaced, on the thread that replaced them, with the trust domain concerned: check the
    /// open sessions of its identities against <see cref="FindTrust"/>, each on its own loop.
    /// </summary>
    event Action<TrustDomain>? TrustChanged;

    /// <summary>The contexts in force for an identity, when it has a certificate that is valid now. No waiting, no allocation.</summary>
    bool TryGet(SpiffeId identity, [NotNullWhen(true)] out TlsContexts? contexts);

    /// <summary>
    /// Waits for a first certificate. An identity that waits goes before every other request.
    /// </summary>
    /// <returns>Null when there is none after <paramref name="patience"/>, or no workload of this node has the identity.</returns>
    Task<TlsContexts?> GetAsync(SpiffeId identity, TimeSpan patience);

    /// <summary>What peers of a trust domain are verified against now; null when nothing is known of it.</summary>
    TlsTrust? FindTrust(TrustDomain trustDomain);
}

/// <summary>
/// One identity ready for both ends of a session, from one certificate. Replaced whole at rotation; sessions and connections that hold the
/// old pair go on with it, and its memory goes with the last of them.
/// </summary>
/// <param name="Client">For sessions this node opens as the identity.</param>
/// <param name="Server">For sessions this node accepts as the identity.</param>
/// <param name="NotAfter">When the certificate expires.</param>
public sealed record TlsContexts(TlsContext Client, TlsContext Server, DateTimeOffset NotAfter);
