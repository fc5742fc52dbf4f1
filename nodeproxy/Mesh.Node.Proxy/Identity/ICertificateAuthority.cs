using Mesh.Api.Identity;

namespace Mesh.Node.Proxy.Identity;

/// <summary>Whoever signs certificates. The store alone holds one.</summary>
internal interface ICertificateAuthority
{
    /// <summary>Asks for a certificate.</summary>
    /// <param name="identity">Whose; a workload of this node.</param>
    /// <param name="requestPem">The signing request, PKCS#10 in PEM.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>PEM: the leaf, its intermediates one by one, and last the roots.</returns>
    /// <exception cref="CertificateRefusedException">The authority, or the way to it, failed; the message says how.</exception>
    Task<IReadOnlyList<string>> IssueAsync(SpiffeId identity, string requestPem, CancellationToken cancellation);
}

/// <summary>No certificate this time, and why.</summary>
internal sealed class CertificateRefusedException : Exception
{
    public CertificateRefusedException(string reason)
        : base(reason)
    {
    }

    public CertificateRefusedException(string reason, Exception cause)
        : base(reason, cause)
    {
    }
}
