using Grpc.Core;
using Mesh.Api.Certificates;
using Mesh.Api.Identity;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Tests.Config;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Identity;

public sealed class CertificateClientTests
{
    private static readonly SpiffeId s_identity = SpiffeId.Parse("spiffe://cluster.local/ns/a/sa/b");

    [Fact]
    public async Task A_request_carries_the_token_the_identity_and_the_lifetime()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        IstioCertificateRequest? seen = null;
        string? token = null;
        fixture.ControlPlane.Issue = (request, headers) =>
        {
            (seen, token) = (request, headers.GetValue("authorization"));
            return new IstioCertificateResponse { CertChain = { "leaf", "roots" } };
        };
        using ControlPlaneChannel channel = fixture.CreateChannel();
        var client = new CertificateClient(channel, TimeSpan.FromHours(1));

        Assert.Equal(["leaf", "roots"], await client.IssueAsync(s_identity, "the request", TestContext.Current.CancellationToken));
        Assert.Equal(("the request", 3_600), (seen!.Csr, seen.ValidityDuration));
        Assert.Equal(s_identity.ToString(), seen.Metadata.Fields["ImpersonatedIdentity"].StringValue);
        Assert.Equal("Bearer first-token", token);
    }

    [Fact]
    public async Task A_refusal_says_what_the_authority_said()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        fixture.ControlPlane.Issue = (_, _) => throw new RpcException(new Status(StatusCode.PermissionDenied, "node-1 runs no pod of it"));
        using ControlPlaneChannel channel = fixture.CreateChannel();

        CertificateRefusedException refusal = await RefusalAsync(channel);
        Assert.Equal("PermissionDenied: node-1 runs no pod of it", refusal.Message);
    }

    [Fact]
    public async Task A_missing_token_is_a_refusal_that_names_the_file()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        File.Delete(fixture.TokenFile);
        using ControlPlaneChannel channel = fixture.CreateChannel();

        Assert.Contains(fixture.TokenFile, (await RefusalAsync(channel)).Message, StringComparison.Ordinal);
    }

    private static Task<CertificateRefusedException> RefusalAsync(ControlPlaneChannel channel)
    {
        var client = new CertificateClient(channel, TimeSpan.FromHours(1));
        return Assert.ThrowsAsync<CertificateRefusedException>(() => client.IssueAsync(s_identity, "r", TestContext.Current.CancellationToken));
    }
}
