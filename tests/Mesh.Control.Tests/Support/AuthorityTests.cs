using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Api.Identity;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.X509;
using Xunit;

namespace Mesh.Control.Tests.Support;

/// <summary>
/// Tests of an authority with a state directory and a clock of its own. Certificates are judged by the runtime's own verifier, not by the
/// library that made them.
/// </summary>
public abstract class AuthorityTests : IDisposable
{
    private readonly List<CertificateAuthority> _opened = [];

    protected AuthorityTests() => State = new StateDirectory(Files["state"], TimeProvider.System);

    private protected static SpiffeId Cart { get; } = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/cart");

    /// <summary>Where a test writes; the state is in the directory of that name.</summary>
    private protected ScratchDirectory Files { get; } = new();

    private protected StateDirectory State { get; }

    private protected FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 6, 1, 12, 0, 0, TimeSpan.Zero));

    public void Dispose()
    {
        _opened.ForEach(authority => authority.Dispose());
        Files.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected async Task<CertificateAuthority> OpenAsync(
        TimeSpan? lifetime = null, SuppliedAuthorityOptions? supplied = null, TrustDomain? trustDomain = null)
    {
        CertificateAuthority authority = await CertificateAuthority.OpenAsync(
            new CertificateAuthorityOptions
            {
                TrustDomain = trustDomain ?? TrustDomain.Default,
                WorkloadLifetime = lifetime ?? TimeSpan.FromHours(24),
                Supplied = supplied,
            },
            State,
            Time,
            NullLogger<CertificateAuthority>.Instance,
            TestContext.Current.CancellationToken);
        _opened.Add(authority);
        return authority;
    }

    private protected static Task MaintainAsync(CertificateAuthority authority) =>
        authority.MaintainOnceAsync(() => true, TestContext.Current.CancellationToken);

    private protected static IssuedCertificate Issue(CertificateAuthority authority, ECDsa key, TimeSpan? lifetime = null, string node = "node-1")
    {
        Assert.True(SigningRequest.TryRead(
            SigningRequests.Pem(key, Cart.ToString()), Cart, out AsymmetricKeyParameter? publicKey, out string? problem), problem);
        return authority.IssueWorkload(Cart, publicKey, lifetime, node);
    }

    private protected bool Verifies(X509Certificate2 certificate, string rootsPem, params X509Certificate2[] intermediates)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(rootsPem);
        chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = Time.GetUtcNow().LocalDateTime;
        return chain.Build(certificate);
    }

    private protected async Task RefusedAsync(SuppliedAuthorityOptions supplied, string file, string reason)
    {
        StateFormatException exception = await Assert.ThrowsAsync<StateFormatException>(() => OpenAsync(supplied: supplied));
        Assert.Equal(file, exception.File);
        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    private protected (SuppliedAuthorityOptions Options, string RootPem) WriteSupplied(string name) =>
        SuppliedAuthorities.Write(Files, name, Time.GetUtcNow());

    private protected static bool IsListed(
        CertificateAuthority authority, X509Certificate2 certificate) => authority.Trust.RevocationLists.Any(list =>
        Parse(list).GetRevokedCertificate(new Org.BouncyCastle.Math.BigInteger(certificate.SerialNumber, 16)) is not null);

    private protected static X509Crl Parse(IssuerRevocationList list) =>
        new X509CrlParser().ReadCrl(Convert.FromBase64String(list.Pem[PemEncoding.Find(list.Pem).Base64Data]));
}
