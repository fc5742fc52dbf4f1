using Mesh.Interop.OpenSsl;
using Mesh.Testing.Certificates;
using Xunit;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>
/// Goal: a peer that may not be trusted is refused within the handshake, by its own name, and learns it by an alert. Method: one table
/// of bad certificates, presented by the client and by the server alike.
/// </summary>
public sealed class PeerVerificationTests(MeshCertificates mesh) : IClassFixture<MeshCertificates>
{
    // RFC 8446 §6.2.
    private const int BadCertificate = 42;
    private const int UnsupportedCertificate = 43;
    private const int CertificateRevoked = 44;
    private const int CertificateExpired = 45;
    private const int UnknownCa = 48;
    private const int DecryptError = 51;

    private const string Id = "spiffe://cluster.local/ns/shop/sa/somebody";

    public static TheoryData<string, TlsFailureKind, int> Bad => new()
    {
        { "unknown CA", TlsFailureKind.UnknownAuthority, UnknownCa },
        { "unknown CA of the same name", TlsFailureKind.InvalidCertificate, DecryptError },
        { "self-signed", TlsFailureKind.UnknownAuthority, UnknownCa },
        { "missing intermediate", TlsFailureKind.UnknownAuthority, UnknownCa },
        { "expired", TlsFailureKind.Expired, CertificateExpired },
        { "not yet valid", TlsFailureKind.NotYetValid, BadCertificate },
        { "wrong trust domain", TlsFailureKind.WrongTrustDomain, BadCertificate },
        { "trust domain with ours as a prefix", TlsFailureKind.WrongTrustDomain, BadCertificate },
        { "trust domain in capitals", TlsFailureKind.WrongTrustDomain, BadCertificate },
        { "two URIs", TlsFailureKind.IdentityMalformed, BadCertificate },
        { "no URI", TlsFailureKind.IdentityMalformed, BadCertificate },
        { "no names", TlsFailureKind.IdentityMalformed, BadCertificate },
        { "not a SPIFFE ID", TlsFailureKind.IdentityMalformed, BadCertificate },
        { "no trust domain", TlsFailureKind.IdentityMalformed, BadCertificate },
        { "a NUL in the URI", TlsFailureKind.IdentityMalformed, BadCertificate },
        { "too long a URI", TlsFailureKind.IdentityMalformed, BadCertificate },
        { "CA as leaf", TlsFailureKind.AuthorityAsLeaf, BadCertificate },
        { "leaf that may sign", TlsFailureKind.AuthorityAsLeaf, BadCertificate },
        { "purpose of the other role", TlsFailureKind.InvalidCertificate, UnsupportedCertificate },
        { "revoked", TlsFailureKind.Revoked, CertificateRevoked },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_bad_client_is_refused_and_told_so(string what, TlsFailureKind kind, int alert)
    {
        (TestCertificate certificate, string? lists) = Make(what, otherRole: new() { ClientPurpose = false });
        Verifier verifier = new();
        using TlsPair pair = new(mesh.ClientOptions(certificate), mesh.ServerOptions(lists: lists), serverVerifier: verifier);

        // TLS 1.3 lets the client finish before its certificate is judged, so only the server's side of this is a verdict.
        (_, TlsStatus server) = pair.Handshake();

        Assert.Equal(TlsStatus.Failed, server);
        Assert.Equal(kind, pair.Server.Failure!.Kind);
        AssertNeverFinished(pair.Server, verifier);
        Assert.Equal(TlsStatus.Failed, pair.Client.Read(new byte[1], out _));
        Assert.Equal((TlsFailureKind.PeerAlert, alert), (pair.Client.Failure!.Kind, pair.Client.Failure.AlertNumber!.Value));
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_bad_server_is_refused_and_told_so(string what, TlsFailureKind kind, int alert)
    {
        (TestCertificate certificate, string? lists) = Make(what, otherRole: new() { ServerPurpose = false });
        Verifier verifier = new();
        using TlsPair pair = new(mesh.ClientOptions(lists: lists), mesh.ServerOptions(certificate), clientVerifier: verifier);

        Assert.Equal((TlsStatus.Failed, TlsStatus.Failed), pair.Handshake());

        Assert.Equal(kind, pair.Client.Failure!.Kind);
        AssertNeverFinished(pair.Client, verifier);
        Assert.Equal((TlsFailureKind.PeerAlert, alert), (pair.Server.Failure!.Kind, pair.Server.Failure.AlertNumber!.Value));
        Assert.False(pair.Server.IsHandshakeDone);
    }

    [Fact]
    public void A_failure_names_the_certificate_in_OpenSSLs_words()
    {
        TestCertificate expired = mesh.Root.Issue(Id, new() { ValidFrom = TimeSpan.FromHours(-2), ValidUntil = TimeSpan.FromHours(-1) });
        using TlsPair pair = new(mesh.ClientOptions(expired), mesh.ServerOptions());

        pair.Handshake();

        string detail = pair.Server.Failure!.Detail;
        Assert.Contains("certificate has expired", detail, StringComparison.Ordinal);
        Assert.Contains(expired.SerialNumber, detail, StringComparison.Ordinal);
        Assert.Contains("mesh test root", detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void Both_purposes_or_none_suit_either_role(bool server, bool client)
    {
        TestCertificate certificate = mesh.Root.Issue(Id, new() { ServerPurpose = server, ClientPurpose = client });
        using TlsPair pair = new(mesh.ClientOptions(certificate), mesh.ServerOptions(certificate));

        Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());
    }

    [Fact]
    public void Other_kinds_of_names_beside_the_one_URI_do_not_matter()
    {
        TestCertificate certificate = mesh.Root.Issue(Id, new() { DnsNames = ["somebody.shop.svc", "somebody"] });
        using TlsPair pair = new(mesh.ClientOptions(certificate), mesh.ServerOptions(certificate));

        Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());
        Assert.Equal(Id, pair.Client.PeerUriSan);
    }

    [Fact]
    public void Without_accepted_trust_domains_the_verifier_alone_decides()
    {
        const string foreign = "spiffe://elsewhere.example/ns/a/sa/b";
        TestCertificate certificate = mesh.Root.Issue(foreign);
        TlsContextOptions server = new()
        {
            IsServer = true,
            CertificateChainPem = mesh.Server.ChainPem,
            PrivateKeyPkcs8 = mesh.Server.PrivateKeyPkcs8,
            TrustedRootsPem = mesh.Root.CertificatePem,
        };
        using TlsPair accepted = new(mesh.ClientOptions(certificate), server, serverVerifier: new Verifier(foreign));
        using TlsPair refused = new(mesh.ClientOptions(certificate), server, serverVerifier: new Verifier(MeshCertificates.ClientId));

        Assert.Equal(TlsStatus.Done, accepted.Handshake().Server);
        Assert.Equal(TlsStatus.Failed, refused.Handshake().Server);
    }

    [Fact]
    public void The_verifier_is_the_connections_own_also_when_the_context_is_shared()
    {
        using var clientContext = TlsContext.Create(mesh.ClientOptions());
        using var serverContext = TlsContext.Create(mesh.ServerOptions());
        string[] wanted = [MeshCertificates.ServerId, "spiffe://cluster.local/ns/shop/sa/other", MeshCertificates.ServerId];
        List<TlsStatus> outcomes = [];

        foreach (string only in wanted)
        {
            Mesh.Testing.Tls.MemoryTlsLink link = new();
            using TlsSession client = new(clientContext, link.Client, new Verifier(only));
            using TlsSession server = new(serverContext, link.Server, new Verifier());
            client.Handshake();
            server.Handshake();
            outcomes.Add(client.Handshake());
            Assert.Equal(only == MeshCertificates.ServerId ? null : TlsFailureKind.IdentityRejected, client.Failure?.Kind);
        }

        Assert.Equal([TlsStatus.Done, TlsStatus.Failed, TlsStatus.Done], outcomes);
    }

    [Fact]
    public void What_the_verifier_says_is_in_the_failure_and_the_peer_gets_an_alert()
    {
        using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions(), clientVerifier: new Verifier(Id));

        Assert.Equal((TlsStatus.Failed, TlsStatus.Failed), pair.Handshake());

        Assert.Equal(TlsFailureKind.IdentityRejected, pair.Client.Failure!.Kind);
        Assert.Contains(MeshCertificates.ServerId, pair.Client.Failure.Detail, StringComparison.Ordinal);
        Assert.Contains($"only {Id} may speak here", pair.Client.Failure.Detail, StringComparison.Ordinal);
        Assert.Equal(BadCertificate, pair.Server.Failure!.AlertNumber);
        Assert.Null(pair.Client.PeerUriSan);
        Assert.Throws<InvalidOperationException>(() => pair.Client.Write("x"u8, out _));
    }

    private static void AssertNeverFinished(TlsSession session, Verifier verifier)
    {
        Assert.False(session.IsHandshakeDone);
        Assert.Equal(0, verifier.Calls);
        Assert.Null(session.PeerUriSan);
        Assert.Equal(TlsStatus.Failed, session.Handshake());
        Assert.Throws<InvalidOperationException>(() => session.Read(new byte[1], out _));
        Assert.Throws<InvalidOperationException>(() => session.Write("x"u8, out _));
    }

    private (TestCertificate Certificate, string? RevocationLists) Make(string what, TestCertificateOptions otherRole)
    {
        switch (what)
        {
            case "unknown CA":
                using (TestCa elsewhere = TestCa.CreateRoot("another mesh"))
                {
                    return (elsewhere.Issue(Id), null);
                }

            case "unknown CA of the same name":
                using (TestCa impostor = TestCa.CreateRoot())
                {
                    return (impostor.Issue(Id, new() { WithoutKeyIdentifier = true }), null);
                }

            case "self-signed":
                return (TestCa.IssueSelfSigned(Id), null);
            case "missing intermediate":
                using (TestCa intermediate = mesh.Root.CreateIntermediate())
                {
                    return (intermediate.Issue(Id, new() { WithoutIntermediates = true }), null);
                }

            case "revoked":
                TestCertificate revoked = mesh.Root.Issue(Id);
                return (revoked, mesh.Root.IssueRevocationList([revoked.Der]));
            default:
                (string uri, TestCertificateOptions options) = what switch
                {
                    "expired" => (Id, new() { ValidFrom = TimeSpan.FromHours(-2), ValidUntil = TimeSpan.FromHours(-1) }),
                    "not yet valid" => (Id, new TestCertificateOptions { ValidFrom = TimeSpan.FromMinutes(10) }),
                    "wrong trust domain" => ("spiffe://other.example/ns/shop/sa/somebody", new()),
                    "trust domain with ours as a prefix" => ("spiffe://cluster.local.evil.example/ns/shop/sa/somebody", new()),
                    "trust domain in capitals" => ("spiffe://CLUSTER.local/ns/shop/sa/somebody", new()),
                    "two URIs" => (Id, new() { MoreUris = ["spiffe://cluster.local/ns/shop/sa/other"] }),
                    "no URI" => ("", new() { WithoutUri = true, DnsNames = ["cluster.local"] }),
                    "no names" => (Id, new() { WithoutNames = true }),
                    "not a SPIFFE ID" => ("https://cluster.local/ns/shop/sa/somebody", new()),
                    "no trust domain" => ("spiffe:///ns/shop/sa/somebody", new()),
                    "a NUL in the URI" => (Id + "\0.evil.example", new()),
                    "too long a URI" => ("spiffe://cluster.local/" + new string('a', 2048), new()),
                    "CA as leaf" => (Id, new() { IsAuthority = true }),
                    "leaf that may sign" => (Id, new() { MaySignCertificates = true }),
                    "purpose of the other role" => (Id, otherRole),
                    _ => throw new ArgumentOutOfRangeException(nameof(what), what, "unknown case"),
                };
                return (mesh.Root.Issue(uri, options), null);
        }
    }
}
