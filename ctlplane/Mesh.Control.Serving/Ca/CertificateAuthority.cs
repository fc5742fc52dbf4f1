using System.Collections.Immutable;
using System.Net;
using System.Text;
using Mesh.Api.Identity;
using Mesh.Control.Serving.State;
using Microsoft.Extensions.Logging;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.X509;

namespace Mesh.Control.Serving.Ca;

/// <summary>
/// Signs certificates, keeps the revocation lists, rotates roots. Any thread may ask for a certificate; one loop,
/// <see cref="MaintainAsync"/>, follows the state directory and the clock. Private keys stay inside.
/// </summary>
public sealed partial class CertificateAuthority : IDisposable
{
    private static readonly TimeSpan s_maintenanceInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_revocationListRenewal = TimeSpan.FromDays(1);
    private static readonly TimeSpan s_compactionInterval = TimeSpan.FromHours(1);

    /// <summary>How long another replica may go on signing with a root after this one has put the next in its place.</summary>
    private static readonly TimeSpan s_othersBehindMax = TimeSpan.FromMinutes(10);

    private readonly CertificateAuthorityOptions _options;
    private readonly StateDirectory _state;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly IssuedLog _issued;

    /// <summary>Held while signing and while the signer changes: nothing is signed by a root after its last expiry was looked up.</summary>
    private readonly Lock _signing = new();

    /// <summary>By key id. Replaced by the maintenance loop, read by any thread.</summary>
    private ImmutableDictionary<string, PublishedList> _lists = ImmutableDictionary.Create<string, PublishedList>(StringComparer.Ordinal);

    private AuthoritySet _authorities;
    private IReadOnlyList<AuthorityRecord> _records = [];
    private byte[] _authorityContent = [];
    private byte[] _revocationContent = [];
    private ImmutableArray<RevocationRecord> _revocations = [];
    private string _lastProblem = string.Empty;
    private ImmutableArray<CarriedList> _carriedLists = [];
    private DateTimeOffset _compactedAt;
    private TrustSnapshot _trust = new(Generation: 0, string.Empty, []);

    private CertificateAuthority(
        CertificateAuthorityOptions options,
        StateDirectory state,
        TimeProvider time,
        ILogger<CertificateAuthority> logger,
        AuthoritySet authorities)
    {
        _options = options;
        _state = state;
        _time = time;
        _logger = logger;
        _authorities = authorities;
        _compactedAt = time.GetUtcNow();
        _issued = IssuedLog.Open(state, _compactedAt);
    }

    /// <summary>Raised by the maintenance loop after <see cref="Trust"/> has changed.</summary>
    public event Action? TrustChanged;

    public TrustDomain TrustDomain => _options.TrustDomain;

    /// <summary>What verifiers need now.</summary>
    public TrustSnapshot Trust => Volatile.Read(ref _trust);

    /// <summary>Key id of the certificate that signs now; a change means that our own certificate should be renewed too.</summary>
    public string ActiveKeyId => Volatile.Read(ref _authorities).Active.KeyId;

    /// <exception cref="StateFormatException">The state directory or a supplied file is broken; nothing can be signed.</exception>
    /// <exception cref="IOException">The state directory cannot be written.</exception>
    public static async Task<CertificateAuthority> OpenAsync(
        CertificateAuthorityOptions options,
        StateDirectory state,
        TimeProvider time,
        ILogger<CertificateAuthority> logger,
        CancellationToken cancellation)
    {
        DateTimeOffset now = time.GetUtcNow();
        AuthoritySet authorities;
        byte[] content = [];
        IReadOnlyList<AuthorityRecord> records = [];
        if (options.Supplied is { } supplied)
        {
            content = ContentOf(supplied);
            authorities = SuppliedAuthority.Load(supplied, options.TrustDomain, now);
        }
        else
        {
            await OwnAuthorities.EnsureFirstAsync(state, options.TrustDomain, now, cancellation);
            content = StateDirectory.TryReadSecret(state.AuthorityFile) ?? [];
            records = OwnAuthorities.Read(state, content);
            authorities = OwnAuthorities.Load(state, records, options.TrustDomain);
        }

        var authority = new CertificateAuthority(options, state, time, logger, authorities)
        {
            _authorityContent = content,
            _records = records,
            _carriedLists = CarriedRevocationLists.Read(state),
        };
        authority.LoadRevocations();
        authority.PublishTrust(now);
        authority.WarnOfExpiry(now);
        return authority;
    }

    /// <summary>Signs a workload's certificate. Who may have it was decided before.</summary>
    /// <exception cref="CannotSignException">Nothing can be signed now.</exception>
    internal IssuedCertificate IssueWorkload(SpiffeId identity, AsymmetricKeyParameter publicKey, TimeSpan? askedLifetime, string node)
    {
        TimeSpan lifetime = askedLifetime is { } asked && asked < _options.WorkloadLifetime ? asked : _options.WorkloadLifetime;
        lock (_signing)
        {
            SigningAuthority issuer = _authorities.Active;
            DateTimeOffset now = _time.GetUtcNow();
            if (issuer.NotAfter <= now)
            {
                throw new CannotSignException($"The certificate of the authority itself expired at {issuer.NotAfter:u}.");
            }

            X509Certificate certificate = CertificateFactory.IssueWorkload(issuer, identity, publicKey, now, lifetime);
            var notAfter = new DateTimeOffset(certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero);
            try
            {
                _issued.Append(new IssuedRecord
                {
                    Serial = certificate.SerialNumber.ToString(16),
                    IssuerKeyId = issuer.KeyId,
                    Identity = identity.ToString(),
                    Node = node,
                    ExpiresAt = notAfter,
                });
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // What is not on record could not be revoked, so it must not go out.
                throw new CannotSignException($"What is signed cannot be recorded: {exception.Message}", exception);
            }

            return new IssuedCertificate(ChainOf(certificate, issuer), RootsPem(_authorities), notAfter);
        }
    }

    /// <summary>Signs the certificate the control plane serves with, for a key made here.</summary>
    public (IssuedCertificate Certificate, string PrivateKeyPem) IssueServer(
        IEnumerable<string> dnsNames, IEnumerable<IPAddress> addresses, TimeSpan lifetime)
    {
        AsymmetricCipherKeyPair pair = CertificateFactory.CreateKeyPair();
        AuthoritySet authorities = Volatile.Read(ref _authorities);
        X509Certificate certificate = CertificateFactory.IssueServer(
            authorities.Active, dnsNames, addresses, pair.Public, _time.GetUtcNow(), lifetime);
        var notAfter = new DateTimeOffset(certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero);
        return (
            new IssuedCertificate(ChainOf(certificate, authorities.Active), RootsPem(authorities), notAfter),
            CertificateText.ToPem(pair.Private));
    }

    /// <summary>Follows the state directory and the clock until cancelled.</summary>
    /// <param name="isTrustKnown">Whether every connected proxy has confirmed the present <see cref="Trust"/>.</param>
    /// <param name="mayAdvance">Whether a rotation is this process's to go on with, and not that of another replica.</param>
    /// <param name="cancellation">Ends the loop.</param>
    public async Task MaintainAsync(Func<bool> isTrustKnown, Func<bool> mayAdvance, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(s_maintenanceInterval, _time);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            try
            {
                await MaintainOnceAsync(isTrustKnown, mayAdvance, cancellation);
                _lastProblem = string.Empty;
            }
            catch (Exception exception) when (exception is StateFormatException or IOException or UnauthorizedAccessException)
            {
                // What was loaded before stays in force. Said once, not four times a second.
                if (exception.Message != _lastProblem)
                {
                    _lastProblem = exception.Message;
                    MaintenanceFailed(_logger, exception.Message);
                }
            }
        }
    }

    public void Dispose() => _issued.Dispose();

    internal Task MaintainOnceAsync(Func<bool> isTrustKnown, CancellationToken cancellation) =>
        MaintainOnceAsync(isTrustKnown, static () => true, cancellation);

    internal async Task MaintainOnceAsync(Func<bool> isTrustKnown, Func<bool> mayAdvance, CancellationToken cancellation)
    {
        DateTimeOffset now = _time.GetUtcNow();
        bool changed = _options.Supplied is { } supplied
            ? ReloadSupplied(supplied, now)
            : await MaintainOwnAsync(isTrustKnown, mayAdvance, now, cancellation);
        changed |= LoadRevocations();
        if (changed || _lists.Values.Any(list => now - list.IssuedAt > s_revocationListRenewal))
        {
            PublishTrust(now);
            TrustChanged?.Invoke();
        }

        WarnOfExpiry(now);
        if (now - _compactedAt > s_compactionInterval)
        {
            _compactedAt = now;
            lock (_signing)
            {
                _issued.Compact(now);
            }
        }
    }

    private bool ReloadSupplied(SuppliedAuthorityOptions supplied, DateTimeOffset now)
    {
        byte[] content = ContentOf(supplied);
        if (content.AsSpan().SequenceEqual(_authorityContent))
        {
            return false;
        }

        AuthoritySet next = SuppliedAuthority.Load(supplied, _options.TrustDomain, now);
        _authorityContent = content;

        // Certificates of the one before may be in use, so its revocation list is kept up until the process ends.
        ImmutableArray<SigningAuthority> earlier = [.. _authorities.Issuers.Where(issuer => issuer.KeyId != next.Active.KeyId)];
        Replace(next with { Issuers = [.. next.Issuers, .. earlier] });
        return true;
    }

    private static byte[] ContentOf(SuppliedAuthorityOptions supplied) =>
    [
        .. StateDirectory.TryRead(supplied.CertificateFile) ?? [],
        .. StateDirectory.TryRead(supplied.KeyFile) ?? [],
        .. StateDirectory.TryRead(supplied.RootsFile) ?? [],
    ];

    private async Task<bool> MaintainOwnAsync(
        Func<bool> isTrustKnown, Func<bool> mayAdvance, DateTimeOffset now, CancellationToken cancellation)
    {
        bool changed = LoadOwn();
        if (changed || !mayAdvance() || ReferenceEquals(Advanced(isTrustKnown, now), _records))
        {
            return changed;
        }

        using IDisposable held = await _state.LockAsync(cancellation);

        // The command line may have written in between; then the next round decides.
        if (LoadOwn())
        {
            return true;
        }

        IReadOnlyList<AuthorityRecord> previous = _records;
        lock (_signing)
        {
            OwnAuthorities.Write(_state, Advanced(isTrustKnown, now));
            LoadOwn();
        }

        foreach (AuthorityRecord gone in previous.Where(record => _records.All(kept => kept.KeyId != record.KeyId)))
        {
            OwnAuthorities.DeleteFiles(_state, gone.KeyId);
            _lists = _lists.Remove(gone.KeyId);
            RootRetired(_logger, gone.KeyId);
        }

        RootsRotated(_logger, ActiveKeyId, _authorities.Roots.Length);
        return true;
    }

    private IReadOnlyList<AuthorityRecord> Advanced(Func<bool> isTrustKnown, DateTimeOffset now)
    {
        bool isKnown = isTrustKnown();
        lock (_signing)
        {
            return OwnAuthorities.Advance(_records, LastExpiryOf, isKnown, now);
        }
    }

    private DateTimeOffset LastExpiryOf(string keyId) => _options.IsShared
        ? _time.GetUtcNow() + _options.WorkloadLifetime + s_othersBehindMax
        : _issued.LastExpiryOf(keyId);

    private bool LoadOwn()
    {
        byte[] content = StateDirectory.TryReadSecret(_state.AuthorityFile)
            ?? throw new StateFormatException(_state.AuthorityFile, "Is missing.");
        if (content.AsSpan().SequenceEqual(_authorityContent))
        {
            return false;
        }

        IReadOnlyList<AuthorityRecord> records = OwnAuthorities.Read(_state, content);
        AuthoritySet next = OwnAuthorities.Load(_state, records, _options.TrustDomain);
        _authorityContent = content;
        _records = records;
        Replace(next);
        return true;
    }

    private bool LoadRevocations()
    {
        byte[] content = StateDirectory.TryReadSecret(_state.RevocationFile) ?? [];
        if (content.AsSpan().SequenceEqual(_revocationContent))
        {
            return false;
        }

        _revocations = [.. Revocations.Read(_state, content)];
        _revocationContent = content;
        return true;
    }

    private void Replace(AuthoritySet next)
    {
        lock (_signing)
        {
            Volatile.Write(ref _authorities, next);
        }
    }

    /// <summary>Renews the lists that need it and writes what everybody may read.</summary>
    private void PublishTrust(DateTimeOffset now)
    {
        ImmutableArray<RevocationRecord> current = Revocations.Current(_revocations, now);
        ImmutableArray<IssuerRevocationList>.Builder lists = ImmutableArray.CreateBuilder<IssuerRevocationList>();
        foreach (SigningAuthority issuer in _authorities.Issuers)
        {
            ImmutableArray<RevocationRecord> revoked = [.. current.Where(record => record.IssuerKeyId == issuer.KeyId)];
            string fingerprint = string.Join(',', revoked.Select(record => record.Serial));
            if (!_lists.TryGetValue(issuer.KeyId, out PublishedList? list)
                || list.Fingerprint != fingerprint
                || now - list.IssuedAt > s_revocationListRenewal)
            {
                X509Crl signed = CertificateFactory.IssueRevocationList(issuer, revoked, now, ListLifetime);
                list = new PublishedList(fingerprint, revoked.Length, now, CertificateText.ToPem(signed));
                _lists = _lists.SetItem(issuer.KeyId, list);
                RevocationListIssued(_logger, issuer.KeyId, revoked.Length);
            }

            lists.Add(new IssuerRevocationList(issuer.KeyId, list.Pem));
        }

        _carriedLists = [.. _carriedLists.Where(list => list.GoodUntil > now && !_lists.ContainsKey(list.IssuerKeyId))];
        lists.AddRange(_carriedLists.Select(list => new IssuerRevocationList(list.IssuerKeyId, list.Pem)));
        string roots = RootsPem(_authorities);
        StateDirectory.WritePublic(_state.RootCertificateFile, Encoding.ASCII.GetBytes(roots));
        StateDirectory.WritePublic(_state.RevocationListFile, Encoding.ASCII.GetBytes(string.Concat(lists.Select(list => list.Pem))));
        Volatile.Write(ref _trust, new TrustSnapshot(_trust.Generation + 1, roots, lists.ToImmutable()));
    }

    /// <summary>An issuer's last list outlives everything it may have signed: it is all there is once the key has gone.</summary>
    private TimeSpan ListLifetime
    {
        get
        {
            TimeSpan least = _options.WorkloadLifetime + s_revocationListRenewal;
            return _options.RevocationListLifetime > least ? _options.RevocationListLifetime : least;
        }
    }

    private static ImmutableArray<string> ChainOf(X509Certificate leaf, SigningAuthority issuer) =>
        [CertificateText.ToPem(leaf), .. issuer.Intermediates.Select(CertificateText.ToPem)];

    private static string RootsPem(AuthoritySet authorities) => string.Concat(authorities.Roots.Select(CertificateText.ToPem));

    [LoggerMessage(EventId = 1101, Level = LogLevel.Error, Message = "{Problem} What was loaded before stays in force.")]
    private static partial void MaintenanceFailed(ILogger logger, string problem);

    [LoggerMessage(EventId = 1102, Level = LogLevel.Information, Message = "Root {KeyId} signs now; {RootCount} roots are trusted.")]
    private static partial void RootsRotated(ILogger logger, string keyId, int rootCount);

    [LoggerMessage(
        EventId = 1103, Level = LogLevel.Information, Message = "Root {KeyId} is no longer trusted: nothing it signed is valid any more.")]
    private static partial void RootRetired(ILogger logger, string keyId);

    [LoggerMessage(EventId = 1104, Level = LogLevel.Information, Message = "Revocation list of {KeyId}: {Count} certificates.")]
    private static partial void RevocationListIssued(ILogger logger, string keyId, int count);

    private sealed record PublishedList(string Fingerprint, int RevokedCount, DateTimeOffset IssuedAt, string Pem);
}
