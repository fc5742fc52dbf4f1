using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Api.Identity;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Mesh.Control.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.X509;
using Xunit;

namespace Mesh.Control.Tests.Serving;

/// <summary>
/// What the authority signs, and what it keeps. Certificates are judged by the runtime's own verifier, not by the library that made
/// them.
/// </summary>
public sealed class CertificateAuthorityTests : IDisposable
{
    private const string ServerPurpose = "1.3.6.1.5.5.7.3.1";
    private const string ClientPurpose = "1.3.6.1.5.5.7.3.2";

    private static readonly SpiffeId s_cart = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/cart");

    private readonly ScratchDirectory _directory = new();
    private readonly StateDirectory _state;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 6, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly List<CertificateAuthority> _opened = [];

    public CertificateAuthorityTests() => _state = new StateDirectory(_directory["state"], TimeProvider.System);

    public void Dispose()
    {
        _opened.ForEach(authority => authority.Dispose());
        _directory.Dispose();
    }

    [Fact]
    public async Task A_workload_certificate_is_an_svid_of_the_asked_key()
    {
        CertificateAuthority authority = await OpenAsync();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        IssuedCertificate issued = Issue(authority, key);

        using var certificate = X509Certificate2.CreateFromPem(Assert.Single(issued.Chain));
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), certificate.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal(string.Empty, certificate.Subject);
        Assert.Equal(["spiffe://cluster.local/ns/shop/sa/cart"], UriNames(certificate, out bool isCritical));
        Assert.True(isCritical);
        Assert.False(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
        Assert.Equal(X509KeyUsageFlags.DigitalSignature, certificate.Extensions.OfType<X509KeyUsageExtension>().Single().KeyUsages);
        Assert.Equal([ServerPurpose, ClientPurpose], Purposes(certificate));
        Assert.Equal(_time.GetUtcNow() + TimeSpan.FromHours(24), certificate.NotAfter.ToUniversalTime());
        Assert.Equal(_time.GetUtcNow() - TimeSpan.FromMinutes(1), certificate.NotBefore.ToUniversalTime());
        Assert.Equal(32, certificate.SerialNumber.Length);
        Assert.True(Verifies(certificate, issued.RootCertificatesPem));
    }

    [Theory]
    [InlineData(10, 10, 1)]
    [InlineData(3_600, 3_600, 60)]
    [InlineData(90_000, 86_400, 60)]
    public async Task A_lifetime_may_be_shorter_than_the_longest_but_not_longer(int askedSeconds, int givenSeconds, int backdatedSeconds)
    {
        CertificateAuthority authority = await OpenAsync();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        IssuedCertificate issued = Issue(authority, key, TimeSpan.FromSeconds(askedSeconds));

        using var certificate = X509Certificate2.CreateFromPem(issued.Chain[0]);
        Assert.Equal(TimeSpan.FromSeconds(givenSeconds), certificate.NotAfter.ToUniversalTime() - _time.GetUtcNow());
        Assert.Equal(TimeSpan.FromSeconds(backdatedSeconds), _time.GetUtcNow() - certificate.NotBefore.ToUniversalTime());
        Assert.Equal(issued.NotAfter, certificate.NotAfter.ToUniversalTime());
    }

    [Fact]
    public async Task Keys_are_for_the_owner_and_trust_is_for_everybody()
    {
        await OpenAsync();

        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.All(
            Directory.GetFiles(_directory["state/ca"]), path => Assert.Equal(OwnerOnly, File.GetUnixFileMode(path)));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(_directory["state/ca"]));
        foreach (string path in new[] { _state.RootCertificateFile, _state.RevocationListFile })
        {
            Assert.Equal(OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(path));
            Assert.DoesNotContain(
                "PRIVATE", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_root_survives_a_restart()
    {
        string before = (await OpenAsync()).Trust.RootCertificatesPem;
        string after = (await OpenAsync()).Trust.RootCertificatesPem;
        Assert.Equal(before, after);
    }

    [Fact]
    public async Task A_state_directory_belongs_to_one_trust_domain()
    {
        CertificateAuthority authority = await OpenAsync();

        StateFormatException exception = await Assert.ThrowsAsync<StateFormatException>(
            () => OpenAsync(trustDomain: TrustDomain.Parse("other.domain")));

        Assert.Equal(_state.CertificateFile(authority.ActiveKeyId), exception.File);
        Assert.Contains("other.domain", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_servers_certificate_has_names_and_cannot_be_a_workload()
    {
        CertificateAuthority authority = await OpenAsync();

        (IssuedCertificate issued, string keyPem) = authority.IssueServer(["mesh-control"], [IPAddress.Loopback], TimeSpan.FromHours(24));

        using var certificate = X509Certificate2.CreateFromPem(issued.Chain[0], keyPem);
        Assert.True(certificate.MatchesHostname("mesh-control"));
        Assert.True(certificate.MatchesHostname("127.0.0.1"));
        Assert.False(certificate.MatchesHostname("elsewhere"));
        Assert.Empty(UriNames(certificate, out _));
        Assert.Equal([ServerPurpose], Purposes(certificate));
        Assert.True(Verifies(certificate, issued.RootCertificatesPem));
    }

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
            _state, record => record.Node == "node-1", _time.GetUtcNow(), TestContext.Current.CancellationToken);
        await MaintainAsync(authority);

        Assert.Equal(revoked.SerialNumber, Assert.Single(found).Serial, ignoreCase: true);
        Assert.True(IsListed(authority, revoked));
        Assert.False(IsListed(authority, other));
        Assert.True(authority.Trust.Generation > before);
        Assert.Equal(
            authority.Trust.RevocationLists.Single().Pem,
            await File.ReadAllTextAsync(_state.RevocationListFile, TestContext.Current.CancellationToken));

        // Again, there is nothing left to revoke, and after a restart the list is the same.
        Assert.Empty(await Revocations.RevokeAsync(
            _state, record => record.Node == "node-1", _time.GetUtcNow(), TestContext.Current.CancellationToken));
        Assert.True(IsListed(await OpenAsync(), revoked));
    }

    [Fact]
    public async Task A_list_is_signed_by_its_issuer_renewed_daily_and_forgets_the_expired()
    {
        CertificateAuthority authority = await OpenAsync();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = X509Certificate2.CreateFromPem(Issue(authority, key, TimeSpan.FromHours(1)).Chain[0]);
        await Revocations.RevokeAsync(_state, _ => true, _time.GetUtcNow(), TestContext.Current.CancellationToken);
        await MaintainAsync(authority);
        X509Crl first = List(authority);
        first.Verify(new X509CertificateParser().ReadCertificate(
            X509Certificate2.CreateFromPem(authority.Trust.RootCertificatesPem).RawData).GetPublicKey());
        Assert.Equal(_time.GetUtcNow().AddDays(7).UtcDateTime, first.NextUpdate);

        _time.Advance(TimeSpan.FromHours(23));
        await MaintainAsync(authority);
        Assert.Equal(first.ThisUpdate, List(authority).ThisUpdate);

        _time.Advance(TimeSpan.FromHours(2));
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
            _state, TimeSpan.FromHours(1), _time.GetUtcNow(), TestContext.Current.CancellationToken);
        await MaintainAsync(authority);
        Assert.Equal(2, RootCount(authority));
        Assert.Equal(2, authority.Trust.RevocationLists.Length);
        Assert.NotEqual(incoming.KeyId, authority.ActiveKeyId);
        using var duringOverlap = X509Certificate2.CreateFromPem(Issue(authority, key).Chain[0]);
        Assert.True(Verifies(duringOverlap, oldRoot));
        await Assert.ThrowsAsync<InvalidOperationException>(() => OwnAuthorities.BeginRotationAsync(
            _state, TimeSpan.FromHours(1), _time.GetUtcNow(), TestContext.Current.CancellationToken));

        // 2. The new one signs; what the old one signed is still trusted, and can still be revoked.
        _time.Advance(TimeSpan.FromHours(1));
        using var lastOld = X509Certificate2.CreateFromPem(Issue(authority, key).Chain[0]);
        await MaintainAsync(authority);
        Assert.Equal(incoming.KeyId, authority.ActiveKeyId);
        using var fresh = X509Certificate2.CreateFromPem(Issue(authority, key).Chain[0]);
        Assert.False(Verifies(fresh, oldRoot));
        Assert.True(Verifies(fresh, authority.Trust.RootCertificatesPem));
        Assert.True(Verifies(lastOld, authority.Trust.RootCertificatesPem));
        await Revocations.RevokeAsync(
            _state,
            record => string.Equals(record.Serial, lastOld.SerialNumber, StringComparison.OrdinalIgnoreCase),
            _time.GetUtcNow(),
            TestContext.Current.CancellationToken);
        await MaintainAsync(authority);
        Assert.True(IsListed(authority, lastOld));

        // 3. Only when nothing of the old one can be valid any more does it go, and its key with it.
        _time.Advance(TimeSpan.FromHours(2));
        await MaintainAsync(authority);
        Assert.Equal(2, RootCount(authority));
        _time.Advance(TimeSpan.FromSeconds(5));
        await MaintainAsync(authority);
        Assert.Equal(1, RootCount(authority));
        Assert.Single(authority.Trust.RevocationLists);
        Assert.Equal([_state.KeyFile(incoming.KeyId)], Directory.GetFiles(_directory["state/ca"], "*.key.pem"));
        Assert.Equal(
            authority.Trust.RootCertificatesPem,
            await File.ReadAllTextAsync(_state.RootCertificateFile, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_rotation_waits_for_proxies_to_confirm_but_not_for_ever()
    {
        CertificateAuthority authority = await OpenAsync();
        AuthorityRecord incoming = await OwnAuthorities.BeginRotationAsync(
            _state, TimeSpan.FromHours(1), _time.GetUtcNow(), TestContext.Current.CancellationToken);
        await MaintainAsync(authority);

        _time.Advance(TimeSpan.FromMinutes(119));
        await authority.MaintainOnceAsync(() => false, TestContext.Current.CancellationToken);
        Assert.NotEqual(incoming.KeyId, authority.ActiveKeyId);

        _time.Advance(TimeSpan.FromMinutes(1));
        await authority.MaintainOnceAsync(() => false, TestContext.Current.CancellationToken);
        Assert.Equal(incoming.KeyId, authority.ActiveKeyId);
    }

    [Fact]
    public async Task A_broken_state_file_is_named_and_what_was_loaded_stays()
    {
        CertificateAuthority authority = await OpenAsync();
        string keyId = authority.ActiveKeyId;
        await File.WriteAllTextAsync(_state.AuthorityFile, "{\"authorities\":[]}", TestContext.Current.CancellationToken);

        StateFormatException exception = await Assert.ThrowsAsync<StateFormatException>(() => MaintainAsync(authority));

        Assert.Equal(_state.AuthorityFile, exception.File);
        Assert.Equal(keyId, authority.ActiveKeyId);
        await Assert.ThrowsAsync<StateFormatException>(() => OpenAsync());
    }

    [Fact]
    public async Task A_line_of_the_log_cut_short_by_a_crash_is_passed_over()
    {
        CertificateAuthority authority = await OpenAsync();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Issue(authority, key);
        authority.Dispose();
        await File.AppendAllTextAsync(_state.IssuedFile, "{\"serial\":\"12", TestContext.Current.CancellationToken);

        CertificateAuthority again = await OpenAsync();
        Issue(again, key);

        Assert.Equal(2, (await Revocations.RevokeAsync(_state, _ => true, _time.GetUtcNow(), TestContext.Current.CancellationToken)).Count);
    }

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
        Assert.Empty(Directory.GetFiles(_directory["state/ca"], "*.key.pem"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => OwnAuthorities.BeginRotationAsync(
            _state, TimeSpan.FromHours(1), _time.GetUtcNow(), TestContext.Current.CancellationToken));
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
        await RefusedAsync(one with { KeyFile = _directory["nowhere"] }, _directory["nowhere"], "Does not exist");
        File.SetUnixFileMode(one.CertificateFile, UnixFileMode.UserRead);
        await RefusedAsync(one with { KeyFile = one.CertificateFile }, one.CertificateFile, "no private key");
        await RefusedAsync(one with { CertificateFile = one.KeyFile }, one.KeyFile, "where only certificates");
        _directory.Write("empty.pem", string.Empty);
        await RefusedAsync(one with { RootsFile = _directory["empty.pem"] }, _directory["empty.pem"], "no certificate");

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateAuthority authority = await OpenAsync(supplied: one);
        _directory.Write("leaf.pem", Issue(authority, key).Chain[0]);
        _directory.Write("leaf.key", key.ExportPkcs8PrivateKeyPem());
        File.SetUnixFileMode(_directory["leaf.key"], UnixFileMode.UserRead);
        SuppliedAuthorityOptions ofLeaf = one with { CertificateFile = _directory["leaf.pem"], KeyFile = _directory["leaf.key"] };
        await RefusedAsync(ofLeaf, _directory["leaf.pem"], "not one of an authority");
    }

    [Fact]
    public async Task A_supplied_authority_nobody_would_trust_is_refused_before_it_signs()
    {
        (SuppliedAuthorityOptions tooDeep, _) = SuppliedAuthorities.Write(_directory, "deep", _time.GetUtcNow(), rootPathLength: 0);
        await RefusedAsync(tooDeep, tooDeep.CertificateFile, "Nobody would trust");

        // The root has expired; the intermediate, made long after it, has not.
        (SuppliedAuthorityOptions old, _) = SuppliedAuthorities.Write(_directory, "old", _time.GetUtcNow().AddYears(-11));
        await RefusedAsync(old, old.CertificateFile, "valid from");
    }

    [Fact]
    public async Task A_key_others_can_read_is_refused()
    {
        (SuppliedAuthorityOptions supplied, _) = WriteSupplied("a");
        File.SetUnixFileMode(supplied.KeyFile, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        await OpenAsync(supplied: supplied);
        File.SetUnixFileMode(supplied.KeyFile, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        await RefusedAsync(supplied, supplied.KeyFile, "0600");

        string own = _state.KeyFile((await OpenAsync()).ActiveKeyId);
        File.SetUnixFileMode(own, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        StateFormatException exception = await Assert.ThrowsAsync<StateFormatException>(() => OpenAsync());
        Assert.Equal(own, exception.File);
        Assert.Contains("0640", exception.Message, StringComparison.Ordinal);

        File.SetUnixFileMode(own, UnixFileMode.UserRead);
        await OpenAsync();
    }

    [Fact]
    public void A_state_directory_everybody_may_write_to_is_refused()
    {
        Directory.CreateDirectory(_directory["open"]);
        File.SetUnixFileMode(_directory["open"], (UnixFileMode)0b111_111_111);
        Assert.Contains(
            "Everybody",
            Assert.Throws<StateFormatException>(() => new StateDirectory(_directory["open"], TimeProvider.System)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_authority_that_has_expired_signs_nothing_and_says_so()
    {
        (SuppliedAuthorityOptions supplied, _) = WriteSupplied("a");
        CertificateAuthority authority = await OpenAsync(supplied: supplied);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        // An hour before, certificates do not outlive it.
        _time.Advance(authority.Describe().Issuers.Single().NotAfter - _time.GetUtcNow() - TimeSpan.FromHours(1));
        Assert.Equal(_time.GetUtcNow() + TimeSpan.FromHours(1), Issue(authority, key).NotAfter);

        _time.Advance(TimeSpan.FromHours(1));
        Assert.Contains("expired", Assert.Throws<CannotSignException>(() => Issue(authority, key)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_replaced_authority_revoked_stays_revoked_after_a_restart()
    {
        (SuppliedAuthorityOptions supplied, _) = WriteSupplied("a");
        CertificateAuthority authority = await OpenAsync(lifetime: TimeSpan.FromDays(30), supplied: supplied);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = X509Certificate2.CreateFromPem(Issue(authority, key).Chain[0]);
        await Revocations.RevokeAsync(_state, _ => true, _time.GetUtcNow(), TestContext.Current.CancellationToken);
        await MaintainAsync(authority);
        authority.Dispose();

        (SuppliedAuthorityOptions next, _) = WriteSupplied("b");
        CertificateAuthority restarted = await OpenAsync(lifetime: TimeSpan.FromDays(30), supplied: next);

        Assert.Equal(2, restarted.Trust.RevocationLists.Length);
        Assert.True(IsListed(restarted, certificate));

        // The list is good for as long as the certificate, and goes when it is over.
        _time.Advance(certificate.NotAfter.ToUniversalTime() - _time.GetUtcNow());
        await MaintainAsync(restarted);
        Assert.True(IsListed(restarted, certificate));
        _time.Advance(TimeSpan.FromDays(2));
        await MaintainAsync(restarted);
        Assert.Single(restarted.Trust.RevocationLists);
    }

    [Fact]
    public void A_record_written_in_part_does_not_swallow_the_next_one()
    {
        using var written = new MemoryStream();
        using var log = new IssuedLog(_state, new StumblingStream(written, failAt: 2));
        log.Append(Record("a"));
        Assert.Throws<IOException>(() => log.Append(Record("b")));
        log.Append(Record("c"));

        StateDirectory.WriteSecret(_state.IssuedFile, written.ToArray());
        Assert.Equal(["a", "c"], IssuedLog.Read(_state).Select(record => record.Serial));
        Assert.Equal(Record("c").ExpiresAt, log.LastExpiryOf("k"));

        IssuedRecord Record(string serial) => new()
        {
            Serial = serial,
            IssuerKeyId = "k",
            Identity = s_cart.ToString(),
            Node = "node-1",
            ExpiresAt = _time.GetUtcNow(),
        };
    }

    private async Task RefusedAsync(SuppliedAuthorityOptions supplied, string file, string reason)
    {
        StateFormatException exception = await Assert.ThrowsAsync<StateFormatException>(() => OpenAsync(supplied: supplied));
        Assert.Equal(file, exception.File);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    private async Task<CertificateAuthority> OpenAsync(
        TimeSpan? lifetime = null, SuppliedAuthorityOptions? supplied = null, TrustDomain? trustDomain = null)
    {
        CertificateAuthority authority = await CertificateAuthority.OpenAsync(
            new CertificateAuthorityOptions
            {
                TrustDomain = trustDomain ?? TrustDomain.Default,
                WorkloadLifetime = lifetime ?? TimeSpan.FromHours(24),
                Supplied = supplied,
            },
            _state,
            _time,
            NullLogger<CertificateAuthority>.Instance,
            TestContext.Current.CancellationToken);
        _opened.Add(authority);
        return authority;
    }

    private static Task MaintainAsync(CertificateAuthority authority) =>
        authority.MaintainOnceAsync(() => true, TestContext.Current.CancellationToken);

    private static IssuedCertificate Issue(CertificateAuthority authority, ECDsa key, TimeSpan? lifetime = null, string node = "node-1")
    {
        Assert.True(SigningRequest.TryRead(
            SigningRequests.Pem(key, s_cart.ToString()), s_cart, out AsymmetricKeyParameter? publicKey, out string? problem), problem);
        return authority.IssueWorkload(s_cart, publicKey, lifetime, node);
    }

    private (SuppliedAuthorityOptions Options, string RootPem) WriteSupplied(string name) =>
        SuppliedAuthorities.Write(_directory, name, _time.GetUtcNow());

    private bool Verifies(X509Certificate2 certificate, string rootsPem, params X509Certificate2[] intermediates)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(rootsPem);
        chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = _time.GetUtcNow().LocalDateTime;
        return chain.Build(certificate);
    }

    private static int RootCount(CertificateAuthority authority)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPem(authority.Trust.RootCertificatesPem);
        return roots.Count;
    }

    private static bool IsListed(
        CertificateAuthority authority, X509Certificate2 certificate) => authority.Trust.RevocationLists.Any(list =>
        Parse(list).GetRevokedCertificate(new Org.BouncyCastle.Math.BigInteger(certificate.SerialNumber, 16)) is not null);

    private static X509Crl List(CertificateAuthority authority) => Parse(authority.Trust.RevocationLists.Single());

    private static X509Crl Parse(IssuerRevocationList list) =>
        new X509CrlParser().ReadCrl(Convert.FromBase64String(list.Pem[PemEncoding.Find(list.Pem).Base64Data]));

    private static IEnumerable<string> Purposes(X509Certificate2 certificate) => certificate.Extensions
        .OfType<X509EnhancedKeyUsageExtension>()
        .SelectMany(extension => extension.EnhancedKeyUsages.Cast<Oid>())
        .Select(oid => oid.Value!)
        .Order(StringComparer.Ordinal);

    private static List<string> UriNames(X509Certificate2 certificate, out bool isCritical)
    {
        X509Extension? extension = certificate.Extensions.SingleOrDefault(found => found.Oid?.Value == "2.5.29.17");
        isCritical = extension?.Critical ?? false;
        var names = new List<string>();
        if (extension is not null)
        {
            AsnReader reader = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            var uri = new Asn1Tag(TagClass.ContextSpecific, 6);
            while (reader.HasData)
            {
                if (reader.PeekTag().HasSameClassAndValue(uri))
                {
                    names.Add(reader.ReadCharacterString(UniversalTagNumber.IA5String, uri));
                }
                else
                {
                    reader.ReadEncodedValue();
                }
            }
        }

        return names;
    }

    /// <summary>Writes half of what it is given at one of the writes, and fails: a disk that is full.</summary>
    private sealed class StumblingStream(Stream inner, int failAt) : MemoryStream
    {
        private int _writes;

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            bool fails = ++_writes == failAt;
            inner.Write(fails ? buffer[..(buffer.Length / 2)] : buffer);
            if (fails)
            {
                throw new IOException("No space left on device.");
            }
        }
    }
}
