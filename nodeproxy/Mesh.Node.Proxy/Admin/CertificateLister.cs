using System.Security.Cryptography;
using Mesh.Node.Proxy.Identity;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Shows the certificate store: what it describes, in the form the page wants.</summary>
public sealed class CertificateLister(CertificateStore store) : ICertificateLister
{
    /// <inheritdoc/>
    public IReadOnlyList<CertificateStatus> List() =>
    [
        .. store.Describe().Select(entry => new CertificateStatus(
            entry.Identity.ToString(), StateOf(entry), DerOf(entry.ChainPem), DerOf(entry.RootsPem))),
    ];

    private static string StateOf(Identity.CertificateStatus entry) => entry.State switch
    {
        CertificateState.Valid => "Available",
        CertificateState.Awaited => "Initializing",
        _ => $"Unavailable: {entry.LastError ?? "the last certificate has expired"}",
    };

    private static List<ReadOnlyMemory<byte>> DerOf(string pem)
    {
        var certificates = new List<ReadOnlyMemory<byte>>();
        ReadOnlySpan<char> rest = pem;
        while (PemEncoding.TryFind(rest, out PemFields fields))
        {
            certificates.Add(Convert.FromBase64String(rest[fields.Base64Data].ToString()));
            rest = rest[fields.Location.End..];
        }

        return certificates;
    }
}
