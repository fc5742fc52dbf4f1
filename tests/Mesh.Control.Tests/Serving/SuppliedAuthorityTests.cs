using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Serving;

/// <summary>An authority of the operator's own instead of a generated root.</summary>
public sealed class SuppliedAuthorityTests : AuthorityTests
{
    [Fact]
    public async Task A_supplied_intermediate_signs_and_is_sent_along()
    {
        (SuppliedAuthorityOptions supplied, string rootPem) = WriteSupplied("a");
        CertificateAuthority authority = await OpenAsync(supplied: supplied);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        IssuedCertificate issued = Issue(authority, key);

        Assert.Equal(2, issued.Chain.Length);
        Assert.Equal(rootPem.ReplaceLineEndings(), issued.RootCertificatesPem.ReplaceLineEndings());
        using var leaf = X509Certificate2.CreateFromPem(issued.Chain[0]);
        using var intermediate = X509Certificate2.CreateFromPem(issued.Chain[1]);
        Assert.True(Verifies(leaf, issued.RootCertificatesPem, intermediate));
        Assert.False(Verifies(leaf, issued.RootCertificatesPem));
        Assert.Empty(Directory.GetFiles(Files["state/ca"], "*.key.pem"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => OwnAuthorities.BeginRotationAsync(
            State, TimeSpan.FromHours(1), Time.GetUtcNow(), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_supplied_authority_is_replaced_without_a_restart()
    {
        (SuppliedAuthorityOptions supplied, _) = WriteSupplied("a");
        CertificateAuthority authority = await OpenAsync(supplied: supplied);
        string before = authority.ActiveKeyId;
        (SuppliedAuthorityOptions next, string nextRoot) = WriteSupplied("b");
        foreach ((string from, string to) in new[]
        {
            (next.CertificateFile, supplied.CertificateFile), (next.KeyFile, supplied.KeyFile), (next.RootsFile, supplied.RootsFile),
        })
        {
            File.Copy(from, to, overwrite: true);
        }

        await MaintainAsync(authority);

        Assert.NotEqual(before, authority.ActiveKeyId);
        Assert.Equal(nextRoot.ReplaceLineEndings(), authority.Trust.RootCertificatesPem.ReplaceLineEndings());
        Assert.Equal(2, authority.Trust.RevocationLists.Length);
    }

    [Fact]
    public async Task Supplied_files_that_do_not_fit_together_are_refused_by_name()
    {
        (SuppliedAuthorityOptions one, _) = WriteSupplied("a");
        (SuppliedAuthorityOptions two, _) = WriteSupplied("b");

        await RefusedAsync(one with { KeyFile = two.KeyFile }, two.KeyFile, "not that of");
        await RefusedAsync(one with { RootsFile = two.RootsFile }, two.RootsFile, "None of the roots");
        await RefusedAsync(one with { KeyFile = Files["nowhere"] }, Files["nowhere"], "Does not exist");
        File.SetUnixFileMode(one.CertificateFile, UnixFileMode.UserRead);
        await RefusedAsync(one with { KeyFile = one.CertificateFile }, one.CertificateFile, "no private key");
        await RefusedAsync(one with { CertificateFile = one.KeyFile }, one.KeyFile, "where only certificates");
        Files.Write("empty.pem", string.Empty);
        await RefusedAsync(one with { RootsFile = Files["empty.pem"] }, Files["empty.pem"], "no certificate");

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateAuthority authority = await OpenAsync(supplied: one);
        Files.Write("leaf.pem", Issue(authority, key).Chain[0]);
        Files.Write("leaf.key", key.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(Files["leaf.key"], UnixFileMode.UserRead);
        SuppliedAuthorityOptions ofLeaf = one with { CertificateFile = Files["leaf.pem"], KeyFile = Files["leaf.key"] };
        await RefusedAsync(ofLeaf, Files["leaf.pem"], "not one of an authority");
    }

    [Fact]
    public async Task A_supplied_authority_nobody_would_trust_is_refused_before_it_signs()
    {
        (SuppliedAuthorityOptions tooDeep, _) = SuppliedAuthorities.Write(Files, "deep", Time.GetUtcNow(), rootPathLength: 0);
        await RefusedAsync(tooDeep, tooDeep.CertificateFile, "Nobody would trust");

        // The root has expired; the intermediate, made long after it, has not.
        (SuppliedAuthorityOptions old, _) = SuppliedAuthorities.Write(Files, "old", Time.GetUtcNow().AddYears(-11));
        await RefusedAsync(old, old.CertificateFile, "valid from");
    }

    [Fact]
    public async Task What_a_replaced_authority_revoked_stays_revoked_after_a_restart()
    {
        (SuppliedAuthorityOptions supplied, _) = WriteSupplied("a");
        CertificateAuthority authority = await OpenAsync(lifetime: TimeSpan.FromDays(30), supplied: supplied);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = X509Certificate2.CreateFromPem(Issue(authority, key).Chain[0]);
        await Revocations.RevokeAsync(State, _ => true, Time.GetUtcNow(), TestContext.Current.CancellationToken);
        await MaintainAsync(authority);
        authority.Dispose();

        (SuppliedAuthorityOptions next, _) = WriteSupplied("b");
        CertificateAuthority restarted = await OpenAsync(lifetime: TimeSpan.FromDays(30), supplied: next);

        Assert.Equal(2, restarted.Trust.RevocationLists.Length);
        Assert.True(IsListed(restarted, certificate));

        // The list is good for as long as the certificate, and goes when it is over.
        Time.Advance(certificate.NotAfter.ToUniversalTime() - Time.GetUtcNow());
        await MaintainAsync(restarted);
        Assert.True(IsListed(restarted, certificate));
        Time.Advance(TimeSpan.FromDays(2));
        await MaintainAsync(restarted);
        Assert.Single(restarted.Trust.RevocationLists);
    }

    [Fact]
    public async Task An_authority_that_has_expired_signs_nothing_and_says_so()
    {
        (SuppliedAuthorityOptions supplied, _) = WriteSupplied("a");
        CertificateAuthority authority = await OpenAsync(supplied: supplied);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        // An hour before, certificates do not outlive it.
        Time.Advance(authority.Describe().Issuers.Single().NotAfter - Time.GetUtcNow() - TimeSpan.FromHours(1));
        Assert.Equal(Time.GetUtcNow() + TimeSpan.FromHours(1), Issue(authority, key).NotAfter);

        Time.Advance(TimeSpan.FromHours(1));
        Assert.Contains("expired", Assert.Throws<CannotSignException>(() => Issue(authority, key)).Message, StringComparison.Ordinal);
    }
}
