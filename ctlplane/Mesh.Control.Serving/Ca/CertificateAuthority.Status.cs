using Mesh.Control.Serving.State;
using Microsoft.Extensions.Logging;

namespace Mesh.Control.Serving.Ca;

/// <content>How the authority stands, and the warning before its own certificate expires.</content>
public sealed partial class CertificateAuthority
{
    private static readonly TimeSpan s_expiryWarningInterval = TimeSpan.FromDays(1);

    /// <summary>
    /// An operator is warned this long before the signing certificate expires, or for its last third if it lives for less.
    /// </summary>
    private static readonly TimeSpan s_expiryWarningMax = TimeSpan.FromDays(30);

    private DateTimeOffset _expiryWarnedAt = DateTimeOffset.MinValue;

    /// <summary>How the authority stands. Any thread.</summary>
    public AuthorityStatus Describe()
    {
        lock (_signing)
        {
            AuthoritySet authorities = _authorities;
            return new AuthorityStatus(
                TrustDomain,
                _options.Supplied is not null,
                [.. authorities.Issuers.Select(issuer => StatusOf(issuer, authorities.Active))],
                [.. authorities.Roots.Select(root => new RootStatus(
                    CertificateText.KeyIdOf(root),
                    root.SubjectDN.ToString(),
                    new DateTimeOffset(root.NotAfter.ToUniversalTime(), TimeSpan.Zero)))]);
        }
    }

    private void WarnOfExpiry(DateTimeOffset now)
    {
        SigningAuthority active = _authorities.Active;
        ServingMetrics.AuthorityExpiresAt = active.NotAfter;
        TimeSpan third = (active.NotAfter - new DateTimeOffset(active.Certificate.NotBefore.ToUniversalTime(), TimeSpan.Zero)) / 3;
        TimeSpan notice = third < s_expiryWarningMax ? third : s_expiryWarningMax;
        if (active.NotAfter - now < notice && now - _expiryWarnedAt > s_expiryWarningInterval)
        {
            _expiryWarnedAt = now;
            AuthorityExpires(_logger, active.KeyId, active.NotAfter);
        }
    }

    /// <summary>Under the lock.</summary>
    private IssuerStatus StatusOf(SigningAuthority issuer, SigningAuthority active)
    {
        AuthorityRecord? record = _records.FirstOrDefault(record => record.KeyId == issuer.KeyId);
        AuthorityRole role = record?.Role ?? (issuer.KeyId == active.KeyId ? AuthorityRole.Active : AuthorityRole.Outgoing);
        DateTimeOffset lastExpiry = _issued.LastExpiryOf(issuer.KeyId);
        PublishedList? list = Volatile.Read(ref _lists).GetValueOrDefault(issuer.KeyId);
        return new IssuerStatus(
            issuer.KeyId,
            issuer.Certificate.SubjectDN.ToString(),
            role,
            issuer.NotAfter,
            role == AuthorityRole.Incoming ? record?.ActiveFrom : null,
            record?.TrustedUntil,
            lastExpiry == DateTimeOffset.MinValue ? null : lastExpiry,
            list?.RevokedCount ?? 0,
            list?.IssuedAt ?? DateTimeOffset.MinValue);
    }

    [LoggerMessage(
        EventId = 1105,
        Level = LogLevel.Warning,
        Message = "The certificate of the authority, {KeyId}, expires at {NotAfter:u}; nothing can be signed after that. "
            + "Replace it in time.")]
    private static partial void AuthorityExpires(ILogger logger, string keyId, DateTimeOffset notAfter);
}
