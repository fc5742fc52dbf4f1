using Mesh.Interop.OpenSsl;
using Xunit;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>
/// Goal: a session is only ever made for a protocol both sides know. Method: every pair of offers and choices; a side that says nothing at
/// all counts as one that shares nothing.
/// </summary>
public sealed class ApplicationProtocolTests(MeshCertificates mesh) : IClassFixture<MeshCertificates>
{
    private const int NoApplicationProtocol = 120;

    [Theory]
    [InlineData("h2", "h2", "h2")]
    [InlineData("h2,http/1.1", "http/1.1,h2", "http/1.1")] // The server's order decides.
    [InlineData("http/1.1,h2", "h2", "h2")]
    public void The_first_of_the_servers_that_the_client_offers_is_chosen(string offered, string served, string chosen)
    {
        using TlsPair pair = Pair(offered, served);

        Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());
        Assert.Equal((chosen, chosen), (pair.Client.NegotiatedAlpn, pair.Server.NegotiatedAlpn));
    }

    [Theory]
    [InlineData("http/1.1", "h2")]
    [InlineData("h2c", "h2")]
    [InlineData("h", "h2")]
    [InlineData("", "h2")] // A client that offers none at all.
    public void A_client_that_shares_none_is_refused_by_the_server(string offered, string served)
    {
        using TlsPair pair = Pair(offered, served);

        Assert.Equal((TlsStatus.Failed, TlsStatus.Failed), pair.Handshake());
        Assert.Equal(TlsFailureKind.NoApplicationProtocol, pair.Server.Failure!.Kind);
        Assert.Equal(NoApplicationProtocol, pair.Client.Failure!.AlertNumber);
    }

    [Fact]
    public void A_server_that_chooses_none_is_refused_by_the_client_within_the_handshake()
    {
        using TlsPair pair = Pair("h2", "");

        Assert.Equal((TlsStatus.Failed, TlsStatus.Failed), pair.Handshake());
        Assert.Equal(TlsFailureKind.NoApplicationProtocol, pair.Client.Failure!.Kind);
        Assert.Equal(TlsFailureKind.PeerAlert, pair.Server.Failure!.Kind);
    }

    [Fact]
    public void Two_sides_that_ask_for_none_agree_on_none()
    {
        using TlsPair pair = Pair("", "");

        Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());
        Assert.Equal("", pair.Client.NegotiatedAlpn);
    }

    private TlsPair Pair(string offered, string served) => new(With(mesh.ClientOptions(), offered), With(mesh.ServerOptions(), served));

    private static TlsContextOptions With(TlsContextOptions options, string protocols) => new()
    {
        IsServer = options.IsServer,
        CertificateChainPem = options.CertificateChainPem,
        PrivateKeyPkcs8 = options.PrivateKeyPkcs8,
        TrustedRootsPem = options.TrustedRootsPem,
        Alpn = protocols.Split(',', StringSplitOptions.RemoveEmptyEntries),
    };
}
