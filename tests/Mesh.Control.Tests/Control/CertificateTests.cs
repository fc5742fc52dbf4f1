using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.Api.Certificates;
using Mesh.Api.Discovery;
using Mesh.Api.Trust;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>The certificate service end to end, and what reaches proxies about trust.</summary>
public sealed class CertificateTests : IAsyncLifetime
{
    private const string Cart = "spiffe://cluster.local/ns/shop/sa/cart";
    private const string Stock = "spiffe://cluster.local/ns/shop/sa/stock";

    private readonly TestControlPlane _control = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private string _token = string.Empty;
    private string _otherToken = string.Empty;

    public async ValueTask InitializeAsync()
    {
        _control.Write(
            "a.yaml",
            Manifests.Namespace("shop")
            + Manifests.Pod("shop", "cart", "10.0.0.1", "node-1", "cart")
            + Manifests.Pod("shop", "stock", "10.0.0.2", "node-2", "stock"));
        _token = await _control.CreateTokenAsync("node-1");
        _otherToken = await _control.CreateTokenAsync("node-2");
        await _control.StartAsync();
        await _control.WaitUntilReadyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _key.Dispose();
        await _control.DisposeAsync();
    }

    [Fact]
    public async Task A_node_gets_a_certificate_for_its_pod()
    {
        IstioCertificateResponse response = await SignAsync(Cart, validitySeconds: 1);

        Assert.Equal(2, response.CertChain.Count);
        using var leaf = X509Certificate2.CreateFromPem(response.CertChain[0]);
        using var root = X509Certificate2.CreateFromPem(response.CertChain[1]);
        Assert.Equal(_key.ExportSubjectPublicKeyInfo(), leaf.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal(root.SubjectName.RawData, leaf.IssuerName.RawData);
        Assert.Equal(
            response.CertChain[1], await File.ReadAllTextAsync(_control.State.RootCertificateFile, TestContext.Current.CancellationToken));
        Assert.InRange((leaf.NotAfter.ToUniversalTime() - TimeProvider.System.GetUtcNow()).TotalSeconds, -10, 1);
    }

    [Theory]
    [InlineData(Stock, StatusCode.PermissionDenied, "node-1 runs no pod")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/default", StatusCode.PermissionDenied, "node-1 runs no pod")]
    [InlineData("spiffe://cluster.local/ns/other/sa/cart", StatusCode.PermissionDenied, "node-1 runs no pod")]
    [InlineData("spiffe://other.domain/ns/shop/sa/cart", StatusCode.PermissionDenied, "trust domain")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/cart/", StatusCode.InvalidArgument, "not of the form")]
    [InlineData("node-1", StatusCode.InvalidArgument, "not of the form")]
    public async Task Any_other_identity_is_refused_with_a_reason(string identity, StatusCode code, string reason)
    {
        RpcException failure = await Assert.ThrowsAsync<RpcException>(() => SignAsync(identity, csrIdentity: Cart));
        Assert.Equal(code, failure.StatusCode);
        Assert.Contains(reason, failure.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_identity_of_another_nodes_pod_is_that_nodes_alone()
    {
        await SignAsync(Stock, token: _otherToken);
        Assert.Equal(
            StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => SignAsync(Cart, token: _otherToken))).StatusCode);
    }

    [Fact]
    public async Task A_request_must_say_whom_it_is_for_and_ask_for_nobody_else()
    {
        var anonymous = new IstioCertificateRequest { Csr = SigningRequests.Pem(_key, Cart) };
        RpcException failure = await Assert.ThrowsAsync<RpcException>(
            () => SigningRequests.SignAsync(_control.Connect(), _token, anonymous));
        Assert.Equal(StatusCode.InvalidArgument, failure.StatusCode);
        Assert.Contains("ImpersonatedIdentity", failure.Status.Detail, StringComparison.Ordinal);

        failure = await Assert.ThrowsAsync<RpcException>(() => SignAsync(Cart, csrIdentity: Stock));
        Assert.Equal(StatusCode.InvalidArgument, failure.StatusCode);
        failure = await Assert.ThrowsAsync<RpcException>(() => SignAsync(Cart, validitySeconds: -1));
        Assert.Equal(StatusCode.InvalidArgument, failure.StatusCode);
        IstioCertificateRequest huge = SigningRequests.Request(Cart, new string('x', 100_000));
        failure = await Assert.ThrowsAsync<RpcException>(() => SigningRequests.SignAsync(_control.Connect(), _token, huge));
        Assert.Equal(StatusCode.ResourceExhausted, failure.StatusCode);
    }

    [Fact]
    public async Task A_revoked_token_gets_no_certificate()
    {
        await SignAsync(Cart);
        await JoinTokenFile.RevokeAsync(_control.State, "node-1", TimeProvider.System.GetUtcNow(), TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    await SignAsync(Cart);
                    return false;
                }
                catch (RpcException exception)
                {
                    return exception.StatusCode == StatusCode.Unauthenticated;
                }
            },
            "the token is refused");
    }

    [Fact]
    public async Task A_pod_that_goes_takes_its_identity_along()
    {
        await SignAsync(Cart);
        _control.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1", "node-2", "cart"));
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    await SignAsync(Cart);
                    return false;
                }
                catch (RpcException exception)
                {
                    return exception.StatusCode == StatusCode.PermissionDenied;
                }
            },
            "the identity is refused");
    }

    [Fact]
    public async Task A_revocation_reaches_proxies_over_their_stream()
    {
        using DiscoveryClient proxy = _control.Discover("node-1", _token);
        await proxy.SubscribeAsync(TypeUrls.RevocationList);
        DeltaDiscoveryResponse first = await proxy.NextAsync(TypeUrls.RevocationList);
        string name = Assert.Single(first.Names());
        RevocationList before = first.Body<RevocationList>(name);
        Assert.Equal($"cluster.local/{before.IssuerKeyId}", name);
        Assert.Equal("cluster.local", before.TrustDomain);
        using var leaf = X509Certificate2.CreateFromPem((await SignAsync(Cart)).CertChain[0]);

        await Revocations.RevokeAsync(
            _control.State, record => record.Identity == Cart, TimeProvider.System.GetUtcNow(), TestContext.Current.CancellationToken);

        RevocationList after = (await proxy.NextAsync(TypeUrls.RevocationList)).Body<RevocationList>(name);
        Assert.NotEqual(before.CrlPem, after.CrlPem);
        Assert.Equal(after.CrlPem, await File.ReadAllTextAsync(_control.State.RevocationListFile, TestContext.Current.CancellationToken));
        byte[] der = Convert.FromBase64String(after.CrlPem[PemEncoding.Find(after.CrlPem).Base64Data]);
        Assert.True(der.AsSpan().IndexOf(leaf.SerialNumberBytes.Span) > 0);
    }

    [Fact]
    public async Task A_rotated_root_reaches_proxies_before_it_signs_and_the_old_one_stays_until_it_is_done()
    {
        using DiscoveryClient proxy = _control.Discover("node-1", _token);
        await proxy.SubscribeAsync(TypeUrls.TrustBundle);
        string first = Bundle(await proxy.NextAsync(TypeUrls.TrustBundle));
        GrpcChannel trustingOld = _control.Connect();
        using X509Certificate2 before = await SignForAsync(trustingOld, Cart);

        await OwnAuthorities.BeginRotationAsync(
            _control.State,
            TimeSpan.FromSeconds(1),
            TimeProvider.System.GetUtcNow(),
            TestContext.Current.CancellationToken);
        string both = Bundle(await proxy.NextAsync(TypeUrls.TrustBundle));
        Assert.Contains(first, both, StringComparison.Ordinal);
        Assert.Equal(2, Count(both));

        // Certificates are signed without a pause, by either; each is trusted by who has the bundle.
        string last = both;
        var issuers = new HashSet<string> { before.Issuer };
        await Eventually.TrueAsync(
            async () =>
            {
                using X509Certificate2 leaf = await SignForAsync(trustingOld, Cart);
                issuers.Add(leaf.Issuer);
                Assert.True(Verifies(leaf, both));
                return issuers.Count == 2;
            },
            "the new root signs");

        last = Bundle(await proxy.NextAsync(TypeUrls.TrustBundle));
        Assert.Equal(1, Count(last));
        Assert.DoesNotContain(first, last, StringComparison.Ordinal);
        using var after = X509Certificate2.CreateFromPem((await SignAsync(Cart)).CertChain[0]);
        Assert.True(Verifies(after, last));
        Assert.Equal(last, await File.ReadAllTextAsync(_control.State.RootCertificateFile, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_admin_page_shows_how_far_a_rotation_is_and_whom_it_waits_for()
    {
        using DiscoveryClient proxy = _control.Discover("node-1", _token);
        await proxy.SubscribeAsync(TypeUrls.TrustBundle);
        await proxy.NextAsync(TypeUrls.TrustBundle);
        await SignAsync(Cart);
        JsonElement before = await _control.AdminJsonAsync("/debug/trust");
        Assert.Equal("cluster.local", before.GetProperty("trustDomain").GetString());
        Assert.Equal("own", before.GetProperty("authority").GetString());
        Assert.Equal("Active", Assert.Single(before.GetProperty("issuers").EnumerateArray()).GetProperty("role").GetString());
        Assert.True(before.GetProperty("issuers")[0].TryGetProperty("lastExpiry", out _));

        AuthorityRecord incoming = await OwnAuthorities.BeginRotationAsync(
            _control.State, TimeSpan.FromHours(1), TimeProvider.System.GetUtcNow(), TestContext.Current.CancellationToken);
        DeltaDiscoveryResponse unconfirmed = await proxy.NextAsync();
        JsonElement during = await _control.AdminJsonAsync("/debug/trust");
        Assert.Equal(2, during.GetProperty("roots").GetArrayLength());
        JsonElement next = during.GetProperty("issuers").EnumerateArray()
            .Single(issuer => issuer.GetProperty("keyId").GetString() == incoming.KeyId);
        Assert.Equal("Incoming", next.GetProperty("role").GetString());
        Assert.Equal(incoming.ActiveFrom, next.GetProperty("signsFrom").GetDateTimeOffset());
        Assert.Equal("node-1", Assert.Single(during.GetProperty("unconfirmedNodes").EnumerateArray()).GetString());

        await proxy.AckAsync(unconfirmed);
        await Eventually.TrueAsync(
            async () => (await _control.AdminJsonAsync("/debug/trust")).GetProperty("unconfirmedNodes").GetArrayLength() == 0, "confirmed");
        Assert.DoesNotContain("PRIVATE", (await _control.AdminAsync("/debug/trust")).Body, StringComparison.Ordinal);
    }

    private static string Bundle(DeltaDiscoveryResponse response) => response.Body<TrustBundle>("cluster.local").RootCertificatesPem;

    private static int Count(string pem)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(pem);
        return certificates.Count;
    }

    private static bool Verifies(X509Certificate2 certificate, string rootsPem)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(rootsPem);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = certificate.NotBefore.AddMilliseconds(1);
        return chain.Build(certificate);
    }

    private async Task<X509Certificate2> SignForAsync(GrpcChannel channel, string identity)
    {
        IstioCertificateResponse response = await SigningRequests.SignAsync(
            channel, _token, SigningRequests.Request(identity, SigningRequests.Pem(_key, identity), validitySeconds: 2));
        return X509Certificate2.CreateFromPem(response.CertChain[0]);
    }

    private Task<IstioCertificateResponse> SignAsync(
        string identity, string? csrIdentity = null, string? token = null, long validitySeconds = 0) =>
        SigningRequests.SignAsync(
            _control.Connect(), token ?? _token, SigningRequests.Request(
                identity, SigningRequests.Pem(_key, csrIdentity ?? identity), validitySeconds));
}
