using Mesh.Interop.OpenSsl;
using Mesh.Testing.Certificates;
using Xunit;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>
/// Goal: what a revocation list names is refused, in the handshake and afterwards, and what no list speaks of is allowed. Method: lists of
/// every authority of a chain, current, out of date and forged, in new handshakes and against a session that is already open.
/// </summary>
public sealed class RevocationTests(MeshCertificates mesh) : IClassFixture<MeshCertificates>
{
    [Fact]
    public void A_list_that_does_not_name_the_peer_changes_nothing()
    {
        string list = mesh.Root.IssueRevocationList([mesh.Root.Issue(MeshCertificates.ClientId).Der]);
        using TlsPair pair = new(mesh.ClientOptions(lists: list), mesh.ServerOptions(lists: list));

        Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());
    }

    [Fact]
    public void An_unknown_status_is_allowed()
    {
        // The intermediate publishes no list, the root does; and the other way round.
        using TestCa intermediate = mesh.Root.CreateIntermediate();
        foreach (string list in (string[])[mesh.Root.IssueRevocationList([]), intermediate.IssueRevocationList([])])
        {
            using TlsPair pair = new(
                mesh.ClientOptions(intermediate.Issue(MeshCertificates.ClientId)), mesh.ServerOptions(lists: list));

            Assert.Equal(TlsStatus.Done, pair.Handshake().Server);
        }
    }

    [Fact]
    public void A_list_of_a_strange_authority_changes_nothing()
    {
        using TestCa elsewhere = TestCa.CreateRoot("another mesh");
        string list = elsewhere.IssueRevocationList([mesh.Client.Der]);
        using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions(lists: list));

        Assert.Equal(TlsStatus.Done, pair.Handshake().Server);
    }

    [Fact]
    public void A_revoked_intermediate_takes_its_leaves_with_it()
    {
        using TestCa intermediate = mesh.Root.CreateIntermediate();
        string list = mesh.Root.IssueRevocationList([intermediate.CertificateDer]);
        using TlsPair pair = new(mesh.ClientOptions(intermediate.Issue(MeshCertificates.ClientId)), mesh.ServerOptions(lists: list));

        Assert.Equal(TlsStatus.Failed, pair.Handshake().Server);
        Assert.Equal(TlsFailureKind.Revoked, pair.Server.Failure!.Kind);
        Assert.Contains("depth 1", pair.Server.Failure.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_list_out_of_date_still_refuses_whom_it_names_and_only_those(bool named)
    {
        TestCertificate client = mesh.Root.Issue(MeshCertificates.ClientId);
        string list = mesh.Root.IssueRevocationList(named ? [client.Der] : [], nextUpdate: TimeSpan.FromHours(-1));
        using TlsPair pair = new(mesh.ClientOptions(client), mesh.ServerOptions(lists: list));

        Assert.Equal(named ? TlsStatus.Failed : TlsStatus.Done, pair.Handshake().Server);
        Assert.Equal(named ? TlsFailureKind.Revoked : null, pair.Server.Failure?.Kind);
    }

    [Fact]
    public void The_newest_list_of_an_authority_counts_wherever_it_stands()
    {
        TestCertificate client = mesh.Root.Issue(MeshCertificates.ClientId);
        string older = mesh.Root.IssueRevocationList([]);
        string newer = mesh.Root.IssueRevocationList([client.Der]);
        foreach (string lists in (string[])[older + newer, newer + older])
        {
            using TlsPair pair = new(mesh.ClientOptions(client), mesh.ServerOptions(lists: lists));

            Assert.Equal(TlsStatus.Failed, pair.Handshake().Server);
            Assert.Equal(TlsFailureKind.Revoked, pair.Server.Failure!.Kind);
        }
    }

    [Fact]
    public void An_open_session_is_judged_by_newer_lists_and_roots()
    {
        using TestCa other = TestCa.CreateRoot("another mesh");
        using var pair = TlsPair.Connect(mesh);
        using var unchanged = TlsTrust.Create(mesh.Root.CertificatePem);
        using var harmless = TlsTrust.Create(mesh.Root.CertificatePem, mesh.Root.IssueRevocationList([]));
        using var clientRevoked = TlsTrust.Create(mesh.Root.CertificatePem, mesh.Root.IssueRevocationList([mesh.Client.Der]));
        using var overlapping = TlsTrust.Create(other.CertificatePem + "\n" + mesh.Root.CertificatePem);
        using var replaced = TlsTrust.Create(other.CertificatePem);

        Assert.Null(unchanged.Check(pair.Server));
        Assert.Null(harmless.Check(pair.Server));
        Assert.Null(overlapping.Check(pair.Server));
        Assert.Equal(TlsFailureKind.Revoked, clientRevoked.Check(pair.Server)!.Kind);
        Assert.Null(clientRevoked.Check(pair.Client)); // Its peer is the server, which nobody revoked.
        Assert.Equal(TlsFailureKind.UnknownAuthority, replaced.Check(pair.Server)!.Kind);
        Assert.Equal(TlsFailureKind.UnknownAuthority, replaced.Check(pair.Client)!.Kind);

        // Asking changes nothing.
        pair.Client.Write("still open"u8, out _);
        Assert.Equal("still open"u8, TlsPair.ReadAll(pair.Server, 10).Bytes);
    }

    [Fact]
    public void An_open_session_is_judged_with_its_intermediates()
    {
        using TestCa intermediate = mesh.Root.CreateIntermediate();
        using TlsPair pair = new(
            mesh.ClientOptions(intermediate.Issue(MeshCertificates.ClientId)),
            mesh.ServerOptions(intermediate.Issue(MeshCertificates.ServerId)));
        pair.Handshake();
        using var unchanged = TlsTrust.Create(mesh.Root.CertificatePem);
        using var revoked = TlsTrust.Create(mesh.Root.CertificatePem, mesh.Root.IssueRevocationList([intermediate.CertificateDer]));

        foreach (TlsSession session in (TlsSession[])[pair.Client, pair.Server])
        {
            Assert.Null(unchanged.Check(session));
            Assert.Equal(TlsFailureKind.Revoked, revoked.Check(session)!.Kind);
        }
    }

    [Fact]
    public void A_chain_is_judged_as_peers_would_judge_it()
    {
        TestCertificate leaf = mesh.Root.Issue(MeshCertificates.ClientId);
        using TestCa other = TestCa.CreateRoot("another mesh");
        using var unchanged = TlsTrust.Create(mesh.Root.CertificatePem);
        using var harmless = TlsTrust.Create(mesh.Root.CertificatePem, mesh.Root.IssueRevocationList([]));
        using var revoked = TlsTrust.Create(mesh.Root.CertificatePem, mesh.Root.IssueRevocationList([leaf.Der]));
        using var replaced = TlsTrust.Create(other.CertificatePem);

        Assert.Null(unchanged.CheckChain(leaf.ChainPem));
        Assert.Null(harmless.CheckChain(leaf.ChainPem));
        Assert.Equal(TlsFailureKind.Revoked, revoked.CheckChain(leaf.ChainPem)!.Kind);
        Assert.Equal(TlsFailureKind.UnknownAuthority, replaced.CheckChain(leaf.ChainPem)!.Kind);
        Assert.Throws<TlsConfigurationException>(() => unchanged.CheckChain("no certificate"));
    }

    [Fact]
    public void A_chain_is_judged_with_its_intermediates()
    {
        using TestCa intermediate = mesh.Root.CreateIntermediate();
        TestCertificate leaf = intermediate.Issue(MeshCertificates.ClientId);
        string lists = mesh.Root.IssueRevocationList([]) + intermediate.IssueRevocationList([leaf.Der]);
        using var unchanged = TlsTrust.Create(mesh.Root.CertificatePem);
        using var leafRevoked = TlsTrust.Create(mesh.Root.CertificatePem, lists);
        using var allRevoked = TlsTrust.Create(
            mesh.Root.CertificatePem, mesh.Root.IssueRevocationList([intermediate.CertificateDer]));

        Assert.Null(unchanged.CheckChain(leaf.ChainPem));
        Assert.Equal(TlsFailureKind.Revoked, leafRevoked.CheckChain(leaf.ChainPem)!.Kind);
        Assert.Equal(TlsFailureKind.Revoked, allRevoked.CheckChain(leaf.ChainPem)!.Kind);
    }

    [Fact]
    public void A_session_without_a_verified_peer_cannot_be_judged()
    {
        using TlsPair pair = new(mesh.ClientOptions(), mesh.ServerOptions());
        using var trust = TlsTrust.Create(mesh.Root.CertificatePem);

        Assert.Throws<InvalidOperationException>(() => trust.Check(pair.Client));
    }
}
