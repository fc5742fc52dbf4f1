using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Mesh.Testing.Certificates;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Servers that stand where a workload should. Goal: a proxy speaks for its pod to nobody but the workload that was meant, and says by name
/// why not.
/// </summary>
[Collection(nameof(ForeignGroup))]
public sealed class ImpostorTests(ForeignLab fixture) : IsolatedTests(fixture)
{
    private const int Port = 8080;
    private const string Right = "spiffe://cluster.local/ns/outside/sa/server";

    private static readonly TestCertificateOptions s_expired =
        new() { ValidFrom = TimeSpan.FromHours(-2), ValidUntil = TimeSpan.FromHours(-1) };

    private readonly TestCa _signing = fixture.Signing;

    [LabFact]
    public async Task The_workload_that_was_meant_is_spoken_to_in_the_clients_name()
    {
        (byte[] heard, string client, _) = await MeetAsync(_signing.Issue(Right));
        Assert.Equal("PRI * HTTP/2.0"u8, heard.AsSpan(0, 14));
        Assert.Equal("spiffe://cluster.local/ns/mesh/sa/client", client);
    }

    [LabFact]
    public Task Another_workload_is_refused() =>
        AssertRefusedAsync(_signing.Issue("spiffe://cluster.local/ns/outside/sa/other"), "PeerIdentityRejected");

    [LabFact]
    public Task Another_namespace_is_refused() =>
        AssertRefusedAsync(_signing.Issue("spiffe://cluster.local/ns/mesh/sa/server"), "PeerIdentityRejected");

    [LabFact]
    public Task Another_trust_domain_is_refused() =>
        AssertRefusedAsync(_signing.Issue("spiffe://elsewhere.example/ns/outside/sa/server"), "WrongTrustDomain");

    [LabFact]
    public Task An_expired_certificate_is_refused() =>
        AssertRefusedAsync(_signing.Issue(Right, s_expired), "PeerCertificateExpired");

    [LabFact]
    public async Task An_unknown_authority_is_refused()
    {
        using TestCa stranger = TestCa.CreateRoot();
        await AssertRefusedAsync(stranger.Issue(Right), "UnknownAuthority");
    }

    private async Task AssertRefusedAsync(TestCertificate certificate, string reason)
    {
        (byte[] heard, _, ConnectionEnd end) = await MeetAsync(certificate);
        Assert.Empty(heard);
        Assert.Equal(ConnectionEnd.Reset, end);
        await Fixture.AccessLineAsync("node-1", line => line.CloseReason == reason && line.Path == "Outbound");
    }

    /// <summary>A client of the mesh connects, and the server shows the certificate on its HBONE port.</summary>
    /// <returns>What the proxy said once it had seen the certificate, whom it spoke for, and what became of the client.</returns>
    private async Task<(byte[] Heard, string Client, ConnectionEnd End)> MeetAsync(TestCertificate certificate)
    {
        LabPod server = await AddPodAsync($"outside/{ForeignLab.NativeTunnel}", "server", node: 2);
        using Socket listener = await server.ListenAsync(HboneClient.Port);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        LabPod client = await Lab.PodAsync("mesh/client-1");
        using Socket connection = await client.ConnectAsync(server.EndPoint(Port), limit.Token);
        using Socket tunnel = await listener.AcceptAsync(limit.Token);
        await using var tls = new SslStream(new NetworkStream(tunnel));
        string shown = "";
        byte[] heard = new byte[64];
        int heardBytes = 0;
        try
        {
            await tls.AuthenticateAsServerAsync(Options(certificate, (_, peer, _, _) => (shown = NameOf(peer)).Length > 0), limit.Token);
            heardBytes = await tls.ReadAsync(heard, limit.Token);
        }
        catch (Exception exception) when (exception is AuthenticationException or IOException)
        {
            // The proxy ends the handshake, which it can do before or after the server takes it for done.
        }

        ConnectionEnd end = heardBytes > 0 ? ConnectionEnd.Open : await connection.WaitForEndAsync(TimeSpan.FromSeconds(60));
        return (heard[..heardBytes], shown, end);
    }

    private static SslServerAuthenticationOptions Options(TestCertificate certificate, RemoteCertificateValidationCallback onPeer)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(certificate.ChainPem);
        using var pem = X509Certificate2.CreateFromPem(certificate.ChainPem, certificate.PrivateKeyPem);
        X509Certificate2 leaf = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(leaf, chain, offline: true),
            ClientCertificateRequired = true,
            EnabledSslProtocols = SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
            RemoteCertificateValidationCallback = onPeer,
        };
    }

    private static string NameOf(X509Certificate? certificate)
    {
        if (certificate is null)
        {
            return "";
        }

        // The only name of an SVID is its URI, which stands in the extension as it is.
        using X509Certificate2 svid = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        byte[] names = svid.Extensions.Single(extension => extension.Oid!.Value == "2.5.29.17").RawData;
        string text = System.Text.Encoding.ASCII.GetString(names);
        return text[text.IndexOf("spiffe://", StringComparison.Ordinal)..];
    }
}
