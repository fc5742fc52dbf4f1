using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Mesh.Interop.OpenSsl;

/// <summary>
/// The rules a peer's certificate must pass: the chain ends at a root of the mesh, nothing in it is revoked, the leaf serves the peer's
/// role, signs nobody, and carries exactly one SPIFFE ID (SPIFFE X509-SVID §2, §4, §5).
/// </summary>
internal static unsafe class PeerVerification
{
    private const string SpiffeScheme = "spiffe://";

    // SPIFFE-ID §2.3.
    private const int SpiffeIdBytesMax = 2048;

    private const int NameBytesMax = 256;

    /// <summary>Verifies what a handshake has received.</summary>
    /// <param name="storeContext">OpenSSL's verification, prepared with the chain and the role's purpose, and not run yet.</param>
    /// <param name="context">Of the session.</param>
    /// <param name="uriSan">The leaf's one URI, when it was found.</param>
    /// <returns>
    /// <see langword="null"/> when every rule is met. Otherwise the store context carries the error that makes the alert.
    /// </returns>
    internal static TlsFailure? Verify(nint storeContext, TlsContext context, out string? uriSan)
    {
        uriSan = null;
        if (VerifyChain(storeContext, context.HasRevocationLists) is TlsFailure broken)
        {
            return broken;
        }

        TlsFailure? refused = VerifyLeaf(LibCrypto.X509_STORE_CTX_get0_cert(storeContext), context.TrustDomains, out uriSan);
        if (refused is not null)
        {
            LibCrypto.X509_STORE_CTX_set_error(storeContext, LibCrypto.X509_V_ERR_CERT_REJECTED);
        }

        return refused;
    }

    /// <summary>Verifies what a handshake with a server outside the mesh has received.</summary>
    /// <param name="storeContext">OpenSSL's verification, prepared with the chain and the role's purpose, and not run yet.</param>
    /// <param name="context">Of the session.</param>
    /// <param name="server">Which server it must be.</param>
    /// <returns>As <see cref="Verify"/>.</returns>
    internal static TlsFailure? VerifyServer(nint storeContext, TlsContext context, TlsServerName server)
    {
        if (VerifyChain(storeContext, context.HasRevocationLists) is TlsFailure broken)
        {
            return broken;
        }

        nint leaf = LibCrypto.X509_STORE_CTX_get0_cert(storeContext);
        if (server.Accepted.Any(name => IsFor(leaf, name)))
        {
            return null;
        }

        LibCrypto.X509_STORE_CTX_set_error(storeContext, LibCrypto.X509_V_ERR_CERT_REJECTED);
        return new TlsFailure(
            TlsFailureKind.IdentityRejected,
            server.Accepted.Count == 0
                ? "no name of the server is known"
                : $"the server's certificate is not for {string.Join(" or ", server.Accepted)}");
    }

    /// <summary>Verifies the peer of a finished session again; see <see cref="TlsTrust.Check"/>.</summary>
    internal static TlsFailure? VerifyAgain(TlsSession session, TlsTrust trust)
    {
        nint leaf = LibSsl.SSL_get0_peer_certificate(session.Handle);
        if (!session.IsHandshakeDone || leaf == 0)
        {
            throw new InvalidOperationException("Only the peer certificate of a finished handshake can be verified again.");
        }

        ErrorQueue.Clear();
        using X509StoreContextHandle storeContext = LibCrypto.X509_STORE_CTX_new();
        bool prepared = !storeContext.IsInvalid
            && LibCrypto.X509_STORE_CTX_init(storeContext, trust.Store, leaf, LibSsl.SSL_get_peer_cert_chain(session.Handle)) == 1
            && LibCrypto.X509_STORE_CTX_set_default(storeContext, session.Context.IsServer ? "ssl_client" : "ssl_server") == 1;
        if (!prepared)
        {
            return NotPrepared();
        }

        LibCrypto.X509_STORE_CTX_set_depth(storeContext, TlsContext.VerifyDepthMax);
        TlsFailure? failure = VerifyChain(storeContext, trust.HasRevocationLists);
        GC.KeepAlive(session);
        return failure;
    }

    /// <summary>Verifies a chain that no session has brought; see <see cref="TlsTrust.CheckChain"/>.</summary>
    internal static TlsFailure? VerifyChain(string chainPem, TlsTrust trust)
    {
        List<X509Handle> chain = [];
        try
        {
            CertificateParser.ReadCertificates(chainPem, "the certificate chain", TlsContext.ChainCertificatesMax, chain);
            using X509StackHandle intermediates = LibCrypto.OPENSSL_sk_new_null();
            bool prepared = !intermediates.IsInvalid
                && chain.Skip(1).All(certificate => LibCrypto.OPENSSL_sk_push(intermediates, certificate) > 0);
            using X509StoreContextHandle storeContext = LibCrypto.X509_STORE_CTX_new();
            prepared = prepared && !storeContext.IsInvalid
                && LibCrypto.X509_STORE_CTX_init(storeContext, trust.Store, chain[0], intermediates) == 1;
            if (!prepared)
            {
                return NotPrepared();
            }

            LibCrypto.X509_STORE_CTX_set_depth(storeContext, TlsContext.VerifyDepthMax);
            return VerifyChain(storeContext, trust.HasRevocationLists);
        }
        finally
        {
            chain.ForEach(static certificate => certificate.Dispose());
        }
    }

    internal static PeerCertificateFacts ReadFacts(nint leaf, string uriSan)
    {
        nint serial = LibCrypto.X509_get0_serialNumber(leaf);
        return new PeerCertificateFacts
        {
            UriSan = uriSan,
            SerialNumber = Convert.ToHexString(BytesOf(serial)),
            NotBefore = ReadTime(LibCrypto.X509_get0_notBefore(leaf)),
            NotAfter = ReadTime(LibCrypto.X509_get0_notAfter(leaf)),
        };
    }

    /// <summary>The certificate in DER.</summary>
    internal static byte[] Encode(nint certificate)
    {
        int bytes = LibCrypto.i2d_X509(certificate, 0);
        if (bytes <= 0)
        {
            throw new InvalidOperationException($"OpenSSL cannot encode a certificate: {ErrorQueue.TakeText()}.");
        }

        byte[] der = new byte[bytes];
        fixed (byte* start = der)
        {
            byte* cursor = start;
            _ = LibCrypto.i2d_X509(certificate, ref cursor);
            Debug.Assert(cursor - start == bytes, "The second pass writes what the first one counted.");
        }

        return der;
    }

    private static TlsFailure NotPrepared() =>
        new(TlsFailureKind.InvalidCertificate, $"the verification cannot be prepared: {ErrorQueue.TakeText()}");

    private static TlsFailure? VerifyChain(X509StoreContextHandle storeContext, bool hasRevocationLists)
    {
        bool held = false;
        try
        {
            storeContext.DangerousAddRef(ref held);
            return VerifyChain(storeContext.RawContext, hasRevocationLists);
        }
        finally
        {
            if (held)
            {
                storeContext.DangerousRelease();
            }
        }
    }

    private static TlsFailure? VerifyChain(nint storeContext, bool hasRevocationLists)
    {
        if (hasRevocationLists)
        {
            LibCrypto.X509_STORE_CTX_set_verify_cb(storeContext, &TlsCallbacks.OnVerifyProblem);
        }

        ErrorQueue.Clear();
        if (LibCrypto.X509_verify_cert(storeContext) == 1)
        {
            return null;
        }

        int error = LibCrypto.X509_STORE_CTX_get_error(storeContext);
        if (error == LibCrypto.X509_V_OK)
        {
            // OpenSSL could not even begin; without an error set, the alert would say nothing.
            error = LibCrypto.X509_V_ERR_UNSPECIFIED;
            LibCrypto.X509_STORE_CTX_set_error(storeContext, error);
        }

        string reason = Marshal.PtrToStringUTF8((nint)LibCrypto.X509_verify_cert_error_string(error)) ?? "unknown";
        return new TlsFailure(KindOf(error), $"{reason}{Describe(storeContext)}");
    }

    private static TlsFailureKind KindOf(int error) => error switch
    {
        LibCrypto.X509_V_ERR_CERT_HAS_EXPIRED => TlsFailureKind.Expired,
        LibCrypto.X509_V_ERR_CERT_NOT_YET_VALID => TlsFailureKind.NotYetValid,
        LibCrypto.X509_V_ERR_CERT_REVOKED => TlsFailureKind.Revoked,
        LibCrypto.X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
            or LibCrypto.X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
            or LibCrypto.X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
            or LibCrypto.X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
            or LibCrypto.X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN
            or LibCrypto.X509_V_ERR_CERT_UNTRUSTED => TlsFailureKind.UnknownAuthority,
        _ => TlsFailureKind.InvalidCertificate,
    };

    /// <summary>Which certificate of the chain OpenSSL complained about.</summary>
    private static string Describe(nint storeContext)
    {
        int depth = LibCrypto.X509_STORE_CTX_get_error_depth(storeContext);
        nint certificate = LibCrypto.X509_STORE_CTX_get_current_cert(storeContext);
        if (certificate == 0)
        {
            return "";
        }

        string serial = Convert.ToHexString(BytesOf(LibCrypto.X509_get0_serialNumber(certificate)));
        string issuer = NameText(LibCrypto.X509_get_issuer_name(certificate));
        return string.Create(CultureInfo.InvariantCulture, $" (depth {depth}, serial {serial}, issued by {issuer})");
    }

    private static TlsFailure? VerifyLeaf(nint leaf, string[] trustDomains, out string? uriSan)
    {
        uriSan = null;

        // UINT32_MAX, when the extension is absent, would read as every usage.
        uint usage = LibCrypto.X509_get_key_usage(leaf);
        bool mayIssue = usage != uint.MaxValue && (usage & (LibCrypto.KU_KEY_CERT_SIGN | LibCrypto.KU_CRL_SIGN)) != 0;
        if (mayIssue || LibCrypto.X509_check_ca(leaf) != 0)
        {
            return new TlsFailure(TlsFailureKind.AuthorityAsLeaf, "the peer's own certificate is a certificate authority's");
        }

        if (!TryReadUri(leaf, out string? uri, out string? problem))
        {
            return new TlsFailure(TlsFailureKind.IdentityMalformed, problem);
        }

        string? trustDomain = TrustDomainOf(uri);
        if (trustDomain is null)
        {
            return new TlsFailure(TlsFailureKind.IdentityMalformed, $"{uri} is not a SPIFFE ID");
        }

        if (trustDomains.Length > 0 && !trustDomains.Contains(trustDomain, StringComparer.Ordinal))
        {
            return new TlsFailure(TlsFailureKind.WrongTrustDomain, $"{uri} is not of an accepted trust domain");
        }

        uriSan = uri;
        return null;
    }

    /// <summary>Whether a certificate is for a DNS name, an address or a URI. Its subject is never asked (RFC 9525 §2).</summary>
    private static bool IsFor(nint leaf, string name)
    {
        const uint Flags = LibCrypto.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | LibCrypto.X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
        if (name.Contains("://", StringComparison.Ordinal))
        {
            return HasUri(leaf, name);
        }

        // A name that is empty, or has a NUL in it, would be compared as another one.
        return name.Length > 0 && Ascii.IsValid(name) && !name.Contains('\0', StringComparison.Ordinal)
            && (System.Net.IPAddress.TryParse(name, out _)
                ? LibCrypto.X509_check_ip_asc(leaf, name, Flags) == 1
                : LibCrypto.X509_check_host(leaf, name, (nuint)name.Length, Flags, 0) == 1);
    }

    private static bool HasUri(nint leaf, string uri)
    {
        nint names = LibCrypto.X509_get_ext_d2i(leaf, LibCrypto.NID_subject_alt_name, out int _, 0);
        if (names == 0)
        {
            return false;
        }

        try
        {
            int count = LibCrypto.OPENSSL_sk_num(names);
            for (int index = 0; index < count; index++)
            {
                nint value = LibCrypto.GENERAL_NAME_get0_value(LibCrypto.OPENSSL_sk_value(names, index), out int type);
                if (type == LibCrypto.GEN_URI && Encoding.ASCII.GetBytes(uri).AsSpan().SequenceEqual(BytesOf(value)))
                {
                    return true;
                }
            }

            return false;
        }
        finally
        {
            LibCrypto.GENERAL_NAMES_free(names);
        }
    }

    private static string? TrustDomainOf(string uri)
    {
        if (!uri.StartsWith(SpiffeScheme, StringComparison.Ordinal))
        {
            return null;
        }

        ReadOnlySpan<char> rest = uri.AsSpan(SpiffeScheme.Length);
        int slash = rest.IndexOf('/');
        ReadOnlySpan<char> trustDomain = slash < 0 ? rest : rest[..slash];
        return trustDomain.IsEmpty ? null : trustDomain.ToString();
    }

    /// <summary>Takes the one URI out of the leaf's subject alternative names.</summary>
    private static bool TryReadUri(nint leaf, out string uri, out string problem)
    {
        uri = "";
        nint names = LibCrypto.X509_get_ext_d2i(leaf, LibCrypto.NID_subject_alt_name, out int critical, 0);
        if (names == 0)
        {
            // -1: no such extension. -2: it stands there twice. Otherwise it cannot be decoded.
            problem = critical == -1 ? "the certificate has no subject alternative name" : "the subject alternative name cannot be read";
            return false;
        }

        try
        {
            int uris = 0;
            int count = LibCrypto.OPENSSL_sk_num(names);
            for (int index = 0; index < count; index++)
            {
                nint value = LibCrypto.GENERAL_NAME_get0_value(LibCrypto.OPENSSL_sk_value(names, index), out int type);
                if (type != LibCrypto.GEN_URI)
                {
                    continue;
                }

                ReadOnlySpan<byte> bytes = BytesOf(value);
                if (bytes.IsEmpty || bytes.Length > SpiffeIdBytesMax || bytes.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
                {
                    problem = "a URI of the certificate is empty, too long or not printable ASCII";
                    return false;
                }

                uri = Encoding.ASCII.GetString(bytes);
                uris++;
            }

            problem = string.Create(CultureInfo.InvariantCulture, $"the certificate has {uris} URI names, not one");
            return uris == 1;
        }
        finally
        {
            LibCrypto.GENERAL_NAMES_free(names);
        }
    }

    private static ReadOnlySpan<byte> BytesOf(nint asn1String) =>
        new(LibCrypto.ASN1_STRING_get0_data(asn1String), LibCrypto.ASN1_STRING_length(asn1String));

    private static string NameText(nint name)
    {
        byte* buffer = stackalloc byte[NameBytesMax];
        string? text = Marshal.PtrToStringUTF8((nint)LibCrypto.X509_NAME_oneline(name, buffer, NameBytesMax));
        return string.IsNullOrEmpty(text) ? "an empty name" : text;
    }

    private static DateTimeOffset ReadTime(nint time)
    {
        LibCrypto.BrokenDownTime parts;
        if (LibCrypto.ASN1_TIME_to_tm(time, &parts) != 1)
        {
            throw new InvalidOperationException("OpenSSL verified a certificate whose times it cannot read.");
        }

        return new DateTimeOffset(
            1900 + parts.tm_year, 1 + parts.tm_mon, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, TimeSpan.Zero);
    }
}
