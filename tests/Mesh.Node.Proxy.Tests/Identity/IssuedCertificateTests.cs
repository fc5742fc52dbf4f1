using Mesh.Api.Identity;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Tests.ControlPlane;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Identity;

public sealed class IssuedCertificateTests : IDisposable
{
    private const string Name = "spiffe://cluster.local/ns/a/sa/b";

    private readonly TestAuthority _authority = new();
    private readonly SpiffeId _identity = SpiffeId.Parse(Name);
    private readonly WorkloadKey _key;
    private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();

    public IssuedCertificateTests() => _key = WorkloadKey.Create(_identity);

    [Fact]
    public void What_was_asked_for_is_taken()
    {
        Assert.Null(Read(out IssuedCertificate? issued, Signed(Name), _authority.RootPem));

        Assert.Equal(Name, issued!.Chain[0].Name);
        Assert.Equal("CN=test root", issued.Chain[0].Issuer);
        Assert.InRange(issued.NotAfter, _now.AddMinutes(59), _now.AddMinutes(61));
        Assert.Equal(_authority.RootPem, issued.RootsPem);
    }

    [Fact]
    public void Intermediates_come_between_the_leaf_and_the_roots()
    {
        using var other = new TestAuthority("intermediate");
        Assert.Null(Read(out IssuedCertificate? issued, Signed(Name), other.RootPem, _authority.RootPem));

        Assert.Equal([Name, "CN=intermediate"], issued!.Chain.Select(certificate => certificate.Name));
        Assert.Contains(other.RootPem, issued.ChainPem, StringComparison.Ordinal);
        Assert.DoesNotContain(_authority.RootPem, issued.ChainPem, StringComparison.Ordinal);
    }

    [Fact]
    public void Anything_else_is_refused_and_says_why()
    {
        string roots = _authority.RootPem;
        (string[] Answer, string Expected)[] cases =
        [
            ([], "0 parts"),
            ([Signed(Name)], "1 parts"),
            ([.. Enumerable.Repeat(Signed(Name), 11)], "11 parts"),
            ([Signed(Name), new string('x', 300_000)], "2 parts"),
            (["garbage", roots], "no certificate"),
            (["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", roots], "cannot be read"),
            ([Signed("spiffe://cluster.local/ns/a/sa/c"), roots], "names spiffe://cluster.local/ns/a/sa/c"),
            ([Signed(Name + " spiffe://cluster.local/ns/a/sa/c"), roots], "names spiffe://"),
            ([Signed(""), roots], "names nobody"),
            ([_authority.SignStranger(Name, _now.AddHours(-1), _now.AddHours(1)), roots], "another key"),
            ([_authority.Sign(_key.RequestPem, Name, _now.AddHours(-2), _now.AddHours(-1)), roots], "expired"),
        ];
        foreach ((string[] answer, string expected) in cases)
        {
            string? problem = Read(out IssuedCertificate? issued, answer);

            Assert.Null(issued);
            Assert.Contains(expected, problem, StringComparison.Ordinal);
        }
    }

    public void Dispose()
    {
        _key.Dispose();
        _authority.Dispose();
    }

    private string Signed(string uri) => _authority.Sign(_key.RequestPem, uri, _now.AddMinutes(-1), _now.AddHours(1));

    private string? Read(out IssuedCertificate? issued, params string[] answer) =>
        IssuedCertificate.TryRead(answer, _identity, _key, _now, out issued, out string? problem) ? null : problem;
}
