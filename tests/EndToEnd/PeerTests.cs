using System.Net.Sockets;
using System.Security.Authentication;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Mesh.Testing.Certificates;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Peers that come to a pod's mutual TLS port and should not. Goal: whoever cannot prove an identity of this mesh gets no further than the
/// handshake, and whoever can gets exactly what the port it came to may give.
/// </summary>
public sealed class PeerTests(SuppliedAuthorityLab fixture) : IsolatedTests(fixture), IClassFixture<SuppliedAuthorityLab>
{
    private const int Port = 8080;
    private const string Good = "spiffe://cluster.local/ns/outside/sa/visitor";

    private readonly TestCa _signing = fixture.Signing;

    [LabFact]
    public async Task A_peer_with_a_certificate_of_the_mesh_gets_a_tunnel()
    {
        (LabPod visitor, LabPod server) = await PartiesAsync();
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);

        TestCertificate certificate = _signing.Issue(Good);
        string authority6 = echo.EndPoint(AddressFamily.InterNetworkV6).ToString();
        Assert.Equal("200", await HboneClient.AskAsync(visitor, server.Address4, certificate, echo.EndPoint().ToString()));
        Assert.Equal("200", await HboneClient.AskAsync(visitor, server.Address6, certificate, authority6));
        await Fixture.AccessLineAsync("node-2", line => line is { Path: "InboundHbone", SourceIdentity: Good });
    }

    [LabFact]
    public Task A_missing_certificate_is_refused() => AssertRefusedAsync(null, "NoPeerCertificate");

    [LabFact]
    public Task An_expired_certificate_is_refused()
    {
        var past = new TestCertificateOptions { ValidFrom = TimeSpan.FromHours(-2), ValidUntil = TimeSpan.FromHours(-1) };
        return AssertRefusedAsync(_signing.Issue(Good, past), "PeerCertificateExpired");
    }

    [LabFact]
    public Task A_certificate_that_is_not_valid_yet_is_refused()
    {
        var future = new TestCertificateOptions { ValidFrom = TimeSpan.FromHours(1), ValidUntil = TimeSpan.FromHours(2) };
        return AssertRefusedAsync(_signing.Issue(Good, future), "PeerCertificateNotYetValid");
    }

    [LabFact]
    public async Task A_certificate_of_an_unknown_authority_is_refused()
    {
        using TestCa stranger = TestCa.CreateRoot();
        await AssertRefusedAsync(stranger.Issue(Good), "UnknownAuthority");
    }

    [LabFact]
    public Task A_certificate_that_vouches_for_itself_is_refused() => AssertRefusedAsync(TestCa.IssueSelfSigned(Good), "UnknownAuthority");

    [LabFact]
    public Task An_identity_of_another_trust_domain_is_refused()
    {
        return AssertRefusedAsync(_signing.Issue("spiffe://elsewhere.example/ns/outside/sa/visitor"), "WrongTrustDomain");
    }

    [LabTheory]
    [InlineData("https://cluster.local/ns/outside/sa/visitor")]
    [InlineData("spiffe://cluster.local/visitor")]
    public Task A_name_that_is_no_identity_of_a_workload_is_refused(string name)
    {
        return AssertRefusedAsync(_signing.Issue(name), "PeerIdentityRejected");
    }

    [LabFact]
    public async Task An_older_protocol_and_another_application_protocol_are_refused()
    {
        (LabPod visitor, LabPod server) = await PartiesAsync();
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        TestCertificate certificate = _signing.Issue(Good);

        Assert.Null(await HboneClient.AskAsync(visitor, server.Address4, certificate, echo.EndPoint().ToString(), SslProtocols.Tls12));
        Assert.Null(await HboneClient.AskAsync(visitor, server.Address4, certificate, echo.EndPoint().ToString(), alpn: "http/1.1"));
        Assert.Empty(echo.Clients);
    }

    [LabFact]
    public async Task An_authority_that_names_another_address_than_the_one_dialled_is_refused()
    {
        (LabPod visitor, LabPod server) = await PartiesAsync();
        LabPod other = await Lab.PodAsync("mesh/client-2");
        await using EchoServer echo = await EchoServer.StartAsync(other, Port);

        Assert.Equal("400", await HboneClient.AskAsync(visitor, server.Address4, _signing.Issue(Good), echo.EndPoint().ToString()));
        Assert.Empty(echo.Clients);
        await Fixture.AccessLineAsync("node-2", line => line.CloseReason == "AuthorityMismatch");
    }

    [LabTheory]
    [InlineData("15001", "503")]
    [InlineData("15006", "503")]
    [InlineData("15008", "503")]
    [InlineData("0", "400")]
    [InlineData("99999", "400")]
    [InlineData("x", "400")]
    public async Task A_port_of_the_proxy_itself_or_no_port_at_all_is_refused(string port, string status)
    {
        (LabPod visitor, LabPod server) = await PartiesAsync();

        TestCertificate certificate = _signing.Issue(Good);

        Assert.Equal(status, await HboneClient.AskAsync(visitor, server.Address4, certificate, $"{server.Address4}:{port}"));
    }

    [LabTheory]
    [InlineData("GET")]
    [InlineData("POST")]
    public async Task Another_method_than_connect_is_answered_400(string method)
    {
        (LabPod visitor, LabPod server) = await PartiesAsync();
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);

        Assert.Equal(
            "400", await HboneClient.AskAsync(visitor, server.Address4, _signing.Issue(Good), echo.EndPoint().ToString(), method: method));
        Assert.Empty(echo.Clients);
        await Fixture.AccessLineAsync("node-2", line => line is { CloseReason: "MethodRefused", SourceIdentity: Good });
    }

    [LabFact]
    public async Task An_application_that_does_not_listen_is_answered_503()
    {
        (LabPod visitor, LabPod server) = await PartiesAsync();

        // The answer waits for the connect: a peer is never told 200 and then cut off.
        Assert.Equal("503", await HboneClient.AskAsync(visitor, server.Address4, _signing.Issue(Good), $"{server.Address4}:9"));
        await Fixture.AccessLineAsync("node-2", line => line is { CloseReason: "ConnectRefused", SourceIdentity: Good });
    }

    [LabTheory]
    [InlineData("shelf.mesh.svc.cluster.local:80", "200")]
    [InlineData("shelf.mesh.svc.cluster.local:81", "503")]
    [InlineData("nowhere.mesh.svc.cluster.local:80", "503")]
    public async Task A_host_name_is_answered_for_the_ports_of_its_service_alone(string authority, string status)
    {
        (LabPod visitor, LabPod server) = await PartiesAsync();
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        await EstablishAsync(
            $$"""
            apiVersion: v1
            kind: Service
            metadata: {name: shelf, namespace: mesh}
            spec: {selector: {app: server-2}, ports: [{name: tcp, port: 80, targetPort: {{Port}}}]}
            """);

        Assert.Equal(status, await HboneClient.AskAsync(visitor, server.Address4, _signing.Issue(Good), authority));
        if (status != "200")
        {
            Assert.Empty(echo.Clients);
            await Fixture.AccessLineAsync("node-2", line => line is { CloseReason: "NoServicePort", SourceIdentity: Good });
        }
    }

    [LabFact]
    public async Task An_identity_that_policy_denies_is_answered_401()
    {
        (LabPod visitor, LabPod server) = await PartiesAsync();
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        await EstablishAsync(
            """
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: no-visitors, namespace: mesh}
            spec: {action: DENY, rules: [{from: [{source: {principals: [cluster.local/ns/outside/sa/visitor]}}]}]}
            """);

        Assert.Equal("401", await HboneClient.AskAsync(visitor, server.Address4, _signing.Issue(Good), echo.EndPoint().ToString()));
        Assert.Empty(echo.Clients);
        await Fixture.AccessLineAsync("node-2", line => line is { CloseReason: "PolicyDenied", SourceIdentity: Good });
    }

    private async Task AssertRefusedAsync(TestCertificate? certificate, string reason)
    {
        (LabPod visitor, LabPod server) = await PartiesAsync();
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);

        Assert.Null(await HboneClient.AskAsync(visitor, server.Address4, certificate, echo.EndPoint().ToString()));

        Assert.Empty(echo.Clients);
        await Fixture.AccessLineAsync("node-2", line => line.CloseReason == reason);
    }

    private async Task<(LabPod Visitor, LabPod Server)> PartiesAsync()
    {
        return (await Lab.PodAsync("outside/client-1"), await Lab.PodAsync("mesh/server-2"));
    }
}
