using System.Globalization;

namespace Mesh.Interop.OpenSsl;

/// <summary>
/// What peers are verified against: roots and revocation lists, those of the mesh for its workloads, and nothing else. The system's own
/// roots are a set of their own, for servers outside the mesh. Immutable. One set serves every context of a node; a change of roots or
/// lists makes a new one.
/// </summary>
/// <remarks>
/// Thread-safe. A root is trusted as given, self-signed or not, so an intermediate can be the anchor. A certificate whose issuer published
/// no list is allowed, and so is one whose issuer's list is out of date but does not name it; what any list names is refused.
/// </remarks>
public sealed class TlsTrust : IDisposable
{
    /// <summary>Far more than any rotation overlaps.</summary>
    private const int RootsMax = 256;

    private const int RevocationListsMax = 1024;

    /// <summary>Where systems keep the roots they trust, in one file each.</summary>
    private static readonly string[] s_systemFiles =
    [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
    ];

    private TlsTrust(X509StoreHandle store, bool hasRevocationLists)
    {
        Store = store;
        HasRevocationLists = hasRevocationLists;
    }

    internal X509StoreHandle Store { get; }

    internal bool HasRevocationLists { get; }

    /// <summary>Reads the roots that the system trusts, of the file that SSL_CERT_FILE names or of where systems keep them.</summary>
    /// <exception cref="TlsConfigurationException">There are none, or they cannot be read.</exception>
    public static TlsTrust CreateOfSystem()
    {
        OpenSslLibrary.EnsureSupported();
        string? named = Environment.GetEnvironmentVariable("SSL_CERT_FILE");
        string? path = string.IsNullOrEmpty(named) ? Array.Find(s_systemFiles, File.Exists) : named;
        if (path is null)
        {
            throw new TlsConfigurationException($"The system has no trusted roots at {string.Join(" or ", s_systemFiles)}.");
        }

        X509StoreHandle store = LibCrypto.X509_STORE_new();
        try
        {
            ErrorQueue.Clear();
            Require(!store.IsInvalid, "a certificate store");
            Require(LibCrypto.X509_STORE_load_file(store, path) == 1, $"the system's trusted roots at {path}");
            Require(LibCrypto.X509_STORE_set_flags(store, LibCrypto.X509_V_FLAG_PARTIAL_CHAIN) == 1, "the verification flags");
            return new TlsTrust(store, hasRevocationLists: false);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>Reads a trust set.</summary>
    /// <param name="rootsPem">One or more CA certificates, concatenated.</param>
    /// <param name="revocationListsPem">Any number of revocation lists, concatenated; or <see langword="null"/>.</param>
    /// <exception cref="TlsConfigurationException">Says which certificate or list is wrong, and how.</exception>
    public static TlsTrust Create(string rootsPem, string? revocationListsPem = null)
    {
        ArgumentNullException.ThrowIfNull(rootsPem);
        OpenSslLibrary.EnsureSupported();

        List<X509Handle> roots = [];
        List<X509RevocationListHandle> lists = [];
        X509StoreHandle? store = null;
        try
        {
            CertificateParser.ReadCertificates(rootsPem, "the trusted roots", RootsMax, roots);
            if (revocationListsPem is not null)
            {
                CertificateParser.ReadRevocationLists(revocationListsPem, "the revocation lists", RevocationListsMax, lists);
            }

            store = LibCrypto.X509_STORE_new();
            Require(!store.IsInvalid, "a certificate store");
            for (int index = 0; index < roots.Count; index++)
            {
                // 1 is basicConstraints with CA:TRUE; the other values are guesses about certificates older than that extension.
                if (LibCrypto.X509_check_ca(roots[index]) != 1)
                {
                    string position = (index + 1).ToString(CultureInfo.InvariantCulture);
                    throw new TlsConfigurationException($"the trusted roots: certificate {position} is not a certificate authority.");
                }

                Require(LibCrypto.X509_STORE_add_cert(store, roots[index]) == 1, "a trusted root");
            }

            foreach (X509RevocationListHandle list in lists)
            {
                Require(LibCrypto.X509_STORE_add_crl(store, list) == 1, "a revocation list");
            }

            nuint flags = LibCrypto.X509_V_FLAG_PARTIAL_CHAIN;
            if (lists.Count > 0)
            {
                flags |= LibCrypto.X509_V_FLAG_CRL_CHECK | LibCrypto.X509_V_FLAG_CRL_CHECK_ALL;
            }

            Require(LibCrypto.X509_STORE_set_flags(store, flags) == 1, "the verification flags");
            return new TlsTrust(store, lists.Count > 0);
        }
        catch
        {
            store?.Dispose();
            throw;
        }
        finally
        {
            // The store holds references of its own.
            roots.ForEach(static root => root.Dispose());
            lists.ForEach(static list => list.Dispose());
        }
    }

    /// <summary>
    /// Verifies the peer of a finished session again, as of now and against this set: for connections that are open when roots or
    /// revocation lists change.
    /// </summary>
    /// <returns>
    /// <see langword="null"/> when the peer would still be accepted; otherwise why not. <see cref="TlsFailureKind.Expired"/> may merely
    /// mean that the connection has outlived the certificate it began with; the caller decides what that means.
    /// </returns>
    /// <remarks>
    /// Call it on the session's own thread. The session's <see cref="IPeerVerifier"/> is not asked again: an identity does not change.
    /// </remarks>
    /// <exception cref="InvalidOperationException">
    /// The session's handshake has not finished, or its peer presented no certificate.
    /// </exception>
    public TlsFailure? Check(TlsSession session)
    {
        ArgumentNullException.ThrowIfNull(session);
        return PeerVerification.VerifyAgain(session, this);
    }

    /// <summary>
    /// Verifies a chain as peers that have this set would, now and whatever role it is for: so that whoever presents it learns why it would
    /// be refused.
    /// </summary>
    /// <param name="chainPem">The leaf first, then its intermediates.</param>
    /// <returns><see langword="null"/> when it would be accepted; otherwise why not.</returns>
    /// <exception cref="TlsConfigurationException">The chain cannot be read.</exception>
    public TlsFailure? CheckChain(string chainPem)
    {
        ArgumentNullException.ThrowIfNull(chainPem);
        return PeerVerification.VerifyChain(chainPem, this);
    }

    /// <summary>Releases our reference. Contexts made with it stay usable.</summary>
    public void Dispose() => Store.Dispose();

    private static void Require(bool succeeded, string what)
    {
        if (!succeeded)
        {
            throw new TlsConfigurationException($"OpenSSL refused {what}: {ErrorQueue.TakeText()}.");
        }
    }
}
