using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Mesh.Control.Tests.Support;
using Org.BouncyCastle.X509;
using Xunit;

namespace Mesh.Control.Tests.Serving;

/// <summary>What the authority tells everybody to trust: roots in rotation, and what has been revoked.</summary>
public sealed class AuthorityTrustTests : AuthorityTests
{
    [Fact]
    public async Task Revoked_certificates_are_listed_and_others_are_not()
    {
        CertificateAuthority authority = await OpenAsync();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var revoked = X509Certificate2.CreateFromPem(Issue(authority, key, node: "node-1").Chain[0]);
        using var other = X509Certificate2.CreateFromPem(Issue(authority, key, node: "node-2").Chain[0]);
        Assert.False(IsListed(authority, revoked));
        long before = authority.Trust.Generation;

        IReadOnlyList<IssuedRecord> found = await Revocations.RevokeAsync(
            State, record => record.Node == "node-1", Time.GetUtcNow(), TestContext.Current.CancellationToken);
        await MaintainAsync(authority);

        Assert.Equal(revoked.SerialNumber, Assert.Single(found).Serial, ignoreCase: true);
        Assert.True(IsListed(authority, revoked));
        Assert.False(IsListed(authority, other));
        Assert.True(authority.Trust.Generation > before);
        Assert.Equal(
            authority.Trust.RevocationLists.Single().Pem,
            await File.ReadAllTextAsync(State.RevocationListFile, TestContext.Current.CancellationToken));

        // Again, there is nothing left to revoke, and after a restart the list is the same.
        Assert.Empty(await Revocations.RevokeAsync(
            State, record => record.Node == "node-1", Time.GetUtcNow(), TestContext.Current.CancellationToken));
        Assert.True(IsListed(await OpenAsync(), revoked));
    }

    [Fact]
    public async Task A_list_is_signed_by_its_issuer_renewed_daily_and_forgets_the_expired()
    {
        CertificateAuthority authority = await OpenAsync();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = X509Certificate2.CreateFromPem(Issue(authority, key, TimeSpan.FromHours(1)).Chain[0]);
        await Revocations.RevokeAsync(State, _ => true, Time.GetUtcNow(), TestContext.Current.CancellationToken);
        await MaintainAsync(authority);
        X509Crl first = List(authority);
        first.Verify(new X509CertificateParser().ReadCertificate(
            X509Certificate2.CreateFromPem(authority.Trust.RootCertificatesPem).RawData).GetPublicKey());
        Assert.Equal(Time.GetUtcNow().AddDays(7).UtcDateTime, first.NextUpdate);

        Time.Advance(TimeSpan.FromHours(23));
        await MaintainAsync(authority);
        Assert.Equal(first.ThisUpdate, List(authority).ThisUpdate);

        Time.Advance(TimeSpan.FromHours(2));
        await MaintainAsync(authority);
        Assert.True(List(authority).ThisUpdate > first.ThisUpdate);
        Assert.False(IsListed(authority, certificate));
    }

    [Fact]
    public async Task A_rotation_overlaps_and_never_leaves_a_valid_certificate_untrusted()
    {
        CertificateAuthority authority = await OpenAsync(TimeSpan.FromHours(2));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string oldRoot = authority.Trust.RootCertificatesPem;
        using var old = X509Certificate2.CreateFromPem(Issue(authority, key).Chain[0]);

        // 1. Both are trusted, the old one signs.
        AuthorityRecord incoming = await OwnAuthorities.BeginRotationAsync(
            State, TimeSpan.FromHours(1), Time.GetUtcNow(), TestContext.Current.CancellationToken);
        await MaintainAsync(authority);
        Assert.Equal(2, RootCount(authority));
        Assert.Equal(2, authority.Trust.RevocationLists.Length);
        Assert.NotEqual(incoming.KeyId, authority.ActiveKeyId);
        using var duringOverlap = X509Certificate2.CreateFromPem(Issue(authority, key).Chain[0]);
        Assert.True(Verifies(duringOverlap, oldRoot));
        await Assert.ThrowsAsync<InvalidOperationException>(() => OwnAuthorities.BeginRotationAsync(
            State, TimeSpan.FromHours(1), Time.GetUtcNow(), TestContext.Current.CancellationToken));

        // 2. The new one signs; what the old one signed is still trusted, and can still be revoked.
        Time.Advance(TimeSpan.FromHours(1));
        using var lastOld = X509Certificate2.CreateFromPem(Issue(authority, key).Chain[0]);
        await MaintainAsync(authority);
        Assert.Equal(incoming.KeyId, authority.ActiveKeyId);
        using var fresh = X509Certificate2.CreateFromPem(Issue(authority, key).Chain[0]);
        Assert.False(Verifies(fresh, oldRoot));
        Assert.True(Verifies(fresh, authority.Trust.RootCertificatesPem));
        Assert.True(Verifies(lastOld, authority.Trust.RootCertificatesPem));
        await Revocations.RevokeAsync(
            State,
            record => string.Equals(record.Serial, lastOld.SerialNumber, StringComparison.OrdinalIgnoreCase),
            Time.GetUtcNow(),
            TestContext.Current.CancellationToken);
        await MaintainAsync(authority);
        Assert.True(IsListed(authority, lastOld));

        // 3. Only when nothing of the old one can be valid any more does it go, and its key with it.
        Time.Advance(TimeSpan.FromHours(2));
        await MaintainAsync(authority);
        Assert.Equal(2, RootCount(authority));
        Time.Advance(TimeSpan.FromSeconds(5));
        await MaintainAsync(authority);
        Assert.Equal(1, RootCount(authority));
        Assert.Single(authority.Trust.RevocationLists);
        Assert.Equal([State.KeyFile(incoming.KeyId)], Directory.GetFiles(Files["state/ca"], "*.key.pem"));
        Assert.Equal(
            authority.Trust.RootCertificatesPem,
            await File.ReadAllTextAsync(State.RootCertificateFile, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_rotation_waits_for_proxies_to_confirm_but_not_for_ever()
    {
        CertificateAuthority authority = await OpenAsync();
        AuthorityRecord incoming = await OwnAuthorities.BeginRotationAsync(
            State, TimeSpan.FromHours(1), Time.GetUtcNow(), TestContext.Current.CancellationToken);
        await MaintainAsync(authority);

        Time.Advance(TimeSpan.FromMinutes(119));
        await authority.MaintainOnceAsync(() => false, TestContext.Current.CancellationToken);
        Assert.NotEqual(incoming.KeyId, authority.ActiveKeyId);

        Time.Advance(TimeSpan.FromMinutes(1));
        await authority.MaintainOnceAsync(() => false, TestContext.Current.CancellationToken);
        Assert.Equal(incoming.KeyId, authority.ActiveKeyId);
    }

    private static int RootCount(CertificateAuthority authority)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPem(authority.Trust.RootCertificatesPem);
        return roots.Count;
    }

    private static X509Crl List(CertificateAuthority authority) => Parse(authority.Trust.RevocationLists.Single());
}
