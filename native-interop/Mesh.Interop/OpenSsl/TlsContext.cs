using System.Globalization;

namespace Mesh.Interop.OpenSsl;

/// <summary>
/// One identity in one role, ready to make sessions: an SSL_CTX. Immutable, thread-safe, shared by any number of sessions.
/// </summary>
public sealed unsafe class TlsContext : IDisposable
{
    // Our own certificate and the intermediates between it and the root: what every handshake sends.
    internal const int ChainCertificatesMax = 8;

    internal const int VerifyDepthMax = ChainCertificatesMax;

    // What a peer sends is held in memory before any of it is verified; this bounds it. A SPIFFE chain is 1 to 6 KiB.
    private const int PeerChainBytesMax = 32 * 1024;

    // 112 bits: RSA from 2048 bits on, curves from 224 bits on, no SHA-1.
    private const int SecurityLevel = 2;

    // OpenSSL begins a read buffer where the payload behind a record's header is aligned to 8 bytes.
    private const int ReadBufferAlignmentBytes = 8;

    // Below TLS 1.3: forward secrecy and authenticated encryption only.
    private const string OlderSuites = "ECDHE+AESGCM:ECDHE+CHACHA20";

    private readonly TlsTrust? _ownTrust;

    private TlsContext(SslContextHandle handle, TlsContextOptions options, ApplicationProtocols protocols, TlsTrust trust)
    {
        Handle = handle;
        IsServer = options.IsServer;
        RequirePeerCertificate = options.RequirePeerCertificate;
        TrustDomains = [.. options.TrustDomains];
        Protocols = protocols;
        HasRevocationLists = trust.HasRevocationLists;
        RequiresProtocol = true;
        _ownTrust = ReferenceEquals(trust, options.Trust) ? null : trust;
    }

    private TlsContext(SslContextHandle handle, TlsOriginationOptions options, ApplicationProtocols protocols)
    {
        Handle = handle;
        RequirePeerCertificate = true;
        TrustDomains = [];
        Protocols = protocols;
        HasRevocationLists = options.Trust?.HasRevocationLists == true;
        IsForServers = true;
        VerifiesNothing = options.Trust is null;
        RequiresProtocol = options.RequiresProtocol;
    }

    /// <summary>Whether sessions of this context accept; otherwise they connect.</summary>
    public bool IsServer { get; }

    internal SslContextHandle Handle { get; }

    internal bool RequirePeerCertificate { get; }

    internal bool HasRevocationLists { get; }

    internal string[] TrustDomains { get; }

    internal ApplicationProtocols Protocols { get; }

    /// <summary>A server that chooses none of our protocols is refused.</summary>
    internal bool RequiresProtocol { get; }

    /// <summary>Whether peers are servers outside the mesh, known by their names, and not workloads of it.</summary>
    internal bool IsForServers { get; }

    /// <summary>Whatever certificate a server has is accepted.</summary>
    internal bool VerifiesNothing { get; }

    /// <summary>Reads and checks everything, so that what is wrong is said here and not in a handshake.</summary>
    /// <exception cref="TlsConfigurationException">Names the part that is wrong; never shows the key.</exception>
    public static TlsContext Create(TlsContextOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        OpenSslLibrary.EnsureSupported();

        if (!options.IsServer && !options.RequirePeerCertificate)
        {
            throw new TlsConfigurationException("A client always requires the server's certificate.");
        }

        if (options.TrustDomains.Any(string.IsNullOrEmpty))
        {
            throw new TlsConfigurationException("An accepted trust domain is empty.");
        }

        ApplicationProtocols protocols = new(options.Alpn);
        TlsTrust trust = TrustOf(options);
        SslContextHandle? handle = null;
        try
        {
            ErrorQueue.Clear();
            handle = LibSsl.SSL_CTX_new(options.IsServer ? LibSsl.TLS_server_method() : LibSsl.TLS_client_method());
            Require(!handle.IsInvalid, "a new context");
            FixProtocol(handle);
            ApplyChoices(handle, options, protocols);
            ApplyIdentity(handle, options.CertificateChainPem, options.PrivateKeyPkcs8);
            ApplyVerification(handle, options, trust);
            return new TlsContext(handle, options, protocols, trust);
        }
        catch
        {
            handle?.Dispose();
            if (!ReferenceEquals(trust, options.Trust))
            {
                trust.Dispose();
            }

            throw;
        }
    }

    /// <summary>Makes a context for sessions with servers outside the mesh.</summary>
    /// <exception cref="TlsConfigurationException">Names the part that is wrong; never shows the key.</exception>
    public static TlsContext CreateForServers(TlsOriginationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        OpenSslLibrary.EnsureSupported();
        ApplicationProtocols protocols = new(options.Alpn);
        ErrorQueue.Clear();
        SslContextHandle handle = LibSsl.SSL_CTX_new(LibSsl.TLS_client_method());
        try
        {
            Require(!handle.IsInvalid, "a new context");
            FixProtocol(handle);
            Require(
                LibSsl.SSL_CTX_ctrl(handle, LibSsl.SSL_CTRL_SET_MIN_PROTO_VERSION, LibSsl.TLS1_2_VERSION, 0) == 1
                    && LibSsl.SSL_CTX_set_cipher_list(handle, OlderSuites) == 1,
                "TLS 1.2 beside TLS 1.3");
            ApplyClientProtocols(handle, protocols);
            if ((options.CertificateChainPem, options.PrivateKeyPkcs8) is (string chain, byte[] key))
            {
                ApplyIdentity(handle, chain, key);
            }

            LibSsl.SSL_CTX_set_verify(handle, options.Trust is null ? LibSsl.SSL_VERIFY_NONE : LibSsl.SSL_VERIFY_PEER, 0);
            LibSsl.SSL_CTX_set_verify_depth(handle, VerifyDepthMax);
            if (options.Trust is TlsTrust trust)
            {
                LibSsl.SSL_CTX_set1_cert_store(handle, trust.Store);
            }

            LibSsl.SSL_CTX_set_cert_verify_callback(handle, &TlsCallbacks.OnVerifyPeer, 0);
            return new TlsContext(handle, options, protocols);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Releases our reference; sessions already made live on.</summary>
    public void Dispose()
    {
        Handle.Dispose();
        _ownTrust?.Dispose();
    }

    private static TlsTrust TrustOf(TlsContextOptions options)
    {
        if (options.Trust is TlsTrust shared)
        {
            return options.TrustedRootsPem is null && options.RevocationListsPem is null
                ? shared
                : throw new TlsConfigurationException("The trusted roots are given twice: as a trust set and as text.");
        }

        return options.TrustedRootsPem is string roots
            ? TlsTrust.Create(roots, options.RevocationListsPem)
            : throw new TlsConfigurationException("The trusted roots are missing.");
    }

    /// <summary>What no option changes, also where the system's openssl.cnf would have it otherwise.</summary>
    private static void FixProtocol(SslContextHandle handle)
    {
        bool onlyTls13 = LibSsl.SSL_CTX_ctrl(handle, LibSsl.SSL_CTRL_SET_MIN_PROTO_VERSION, LibSsl.TLS1_3_VERSION, 0) == 1
            && LibSsl.SSL_CTX_ctrl(handle, LibSsl.SSL_CTRL_SET_MAX_PROTO_VERSION, LibSsl.TLS1_3_VERSION, 0) == 1;
        Require(onlyTls13, "TLS 1.3 as the only version");
        LibSsl.SSL_CTX_set_security_level(handle, SecurityLevel);

        // The server's order of suites decides, because only it knows that both ends gain from AES-128.
        LibSsl.SSL_CTX_set_options(
            handle,
            LibSsl.SSL_OP_NO_TICKET | LibSsl.SSL_OP_NO_RENEGOTIATION | LibSsl.SSL_OP_NO_COMPRESSION | LibSsl.SSL_OP_CIPHER_SERVER_PREFERENCE
            | LibSsl.SSL_OP_NO_TX_CERTIFICATE_COMPRESSION | LibSsl.SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);

        // A FIN without close_notify is a truncation (RFC 8446 §6.1) and must stay an error.
        LibSsl.SSL_CTX_clear_options(handle, LibSsl.SSL_OP_IGNORE_UNEXPECTED_EOF | LibSsl.SSL_OP_ALLOW_CLIENT_RENEGOTIATION);

        Require(LibSsl.SSL_CTX_set_num_tickets(handle, 0) == 1, "no tickets");
        Require(LibSsl.SSL_CTX_set_max_early_data(handle, 0) == 1, "no early data");
        LibSsl.SSL_CTX_ctrl(handle, LibSsl.SSL_CTRL_SET_SESS_CACHE_MODE, LibSsl.SSL_SESS_CACHE_OFF, 0);
        LibSsl.SSL_CTX_set_keylog_callback(handle, 0);

        LibSsl.SSL_CTX_ctrl(handle, LibSsl.SSL_CTRL_SET_MAX_CERT_LIST, PeerChainBytesMax, 0);
        LibSsl.SSL_CTX_ctrl(handle, LibSsl.SSL_CTRL_SET_READ_AHEAD, 1, 0);
        LibSsl.SSL_CTX_set_default_read_buffer_len(
            handle, (TlsSession.GatheredRecordsMax * TlsSession.RecordOnWireBytesMax) + ReadBufferAlignmentBytes);

        // Partial write: one call encrypts one record, so the session decides between records whether the transport still takes them.
        // Release buffers: an idle session then holds none, 33 KiB less each, for 65 ns per record (bench/Mesh.Bench.Micro/Tls). No auto
        // chain: we send what we were given, and OpenSSL does not build a chain anew in every handshake.
        LibSsl.SSL_CTX_ctrl(
            handle,
            LibSsl.SSL_CTRL_MODE,
            LibSsl.SSL_MODE_ENABLE_PARTIAL_WRITE | LibSsl.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | LibSsl.SSL_MODE_AUTO_RETRY
            | LibSsl.SSL_MODE_NO_AUTO_CHAIN | LibSsl.SSL_MODE_RELEASE_BUFFERS,
            0);
    }

    private static void ApplyChoices(SslContextHandle handle, TlsContextOptions options, ApplicationProtocols protocols)
    {
        Require(LibSsl.SSL_CTX_set_ciphersuites(handle, options.Ciphersuites) == 1, $"the suites {options.Ciphersuites}");
        if (options.Groups is string groups)
        {
            Require(LibSsl.SSL_CTX_ctrl_text(handle, LibSsl.SSL_CTRL_SET_GROUPS_LIST, 0, groups) == 1, $"the groups {groups}");
        }

        if (protocols.IsEmpty)
        {
            return;
        }

        if (options.IsServer)
        {
            LibSsl.SSL_CTX_set_client_hello_cb(handle, &TlsCallbacks.OnClientHello, 0);
            LibSsl.SSL_CTX_set_alpn_select_cb(handle, &TlsCallbacks.OnSelectProtocol, 0);
            return;
        }

        ApplyClientProtocols(handle, protocols);
    }

    private static void ApplyClientProtocols(SslContextHandle handle, ApplicationProtocols protocols)
    {
        if (protocols.IsEmpty)
        {
            return;
        }

        fixed (byte* wire = protocols.Wire)
        {
            // Unlike its neighbours this one returns 0 for success.
            Require(LibSsl.SSL_CTX_set_alpn_protos(handle, wire, (uint)protocols.Wire.Length) == 0, "the application protocols");
        }
    }

    private static void ApplyIdentity(SslContextHandle handle, string chainPem, byte[] privateKeyPkcs8)
    {
        List<X509Handle> chain = [];
        try
        {
            CertificateParser.ReadCertificates(chainPem, "the certificate chain", ChainCertificatesMax, chain);
            for (int index = 0; index < chain.Count; index++)
            {
                string position = (index + 1).ToString(CultureInfo.InvariantCulture);
                bool taken = index == 0
                    ? LibSsl.SSL_CTX_use_certificate(handle, chain[index]) == 1
                    : LibSsl.SSL_CTX_ctrl_certificate(handle, LibSsl.SSL_CTRL_CHAIN_CERT, 1, chain[index]) == 1;
                Require(taken, $"certificate {position} of the certificate chain");
            }

            using PrivateKeyHandle key = CertificateParser.ReadPrivateKey(privateKeyPkcs8);
            bool belongs = LibSsl.SSL_CTX_use_PrivateKey(handle, key) == 1 && LibSsl.SSL_CTX_check_private_key(handle) == 1;
            if (!belongs)
            {
                ErrorQueue.Clear();
                throw new TlsConfigurationException("The private key does not belong to the first certificate of the certificate chain.");
            }
        }
        finally
        {
            // The context holds references of its own.
            chain.ForEach(static certificate => certificate.Dispose());
        }
    }

    private static void ApplyVerification(SslContextHandle handle, TlsContextOptions options, TlsTrust trust)
    {
        int mode = LibSsl.SSL_VERIFY_PEER | (options.RequirePeerCertificate ? LibSsl.SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
        LibSsl.SSL_CTX_set_verify(handle, mode, 0);
        LibSsl.SSL_CTX_set_verify_depth(handle, VerifyDepthMax);
        LibSsl.SSL_CTX_set1_cert_store(handle, trust.Store);
        LibSsl.SSL_CTX_set_cert_verify_callback(handle, &TlsCallbacks.OnVerifyPeer, 0);
    }

    private static void Require(bool succeeded, string what)
    {
        if (!succeeded)
        {
            throw new TlsConfigurationException($"OpenSSL refused {what}: {ErrorQueue.TakeText()}.");
        }
    }
}
