namespace Mesh.Control.Serving.State;

internal sealed record JoinTokenList
{
    public required IReadOnlyList<JoinTokenRecord> Tokens { get; init; }
}

/// <summary>A join token as kept: enough to recognise it, not to use it.</summary>
public sealed record JoinTokenRecord
{
    /// <summary>Part of the token, and no secret: what the list shows and revocation names.</summary>
    public required string Id { get; init; }

    public required string Node { get; init; }

    /// <summary>SHA-256 of the secret part, hex. The secret has 256 bits of its own, so nothing slower is needed.</summary>
    public required string SecretHash { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }
}

internal sealed record AuthorityList
{
    public required IReadOnlyList<AuthorityRecord> Authorities { get; init; }
}

/// <summary>How far a root has got in its life.</summary>
public enum AuthorityRole
{
    /// <summary>Trusted, not signing yet: proxies are learning it.</summary>
    Incoming,

    /// <summary>The one that signs.</summary>
    Active,

    /// <summary>Still trusted, because what it signed is still in use.</summary>
    Outgoing,
}

public sealed record AuthorityRecord
{
    /// <summary>Subject key identifier, lower-case hex; also the name of the files.</summary>
    public required string KeyId { get; init; }

    public required AuthorityRole Role { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Incoming: when it is to sign. Active: when it began to.</summary>
    public required DateTimeOffset ActiveFrom { get; init; }

    /// <summary>Outgoing: when the last certificate it signed has expired.</summary>
    public DateTimeOffset? TrustedUntil { get; init; }
}

internal sealed record RevocationRecords
{
    public required IReadOnlyList<RevocationRecord> Revocations { get; init; }
}

public sealed record RevocationRecord
{
    /// <summary>Lower-case hex.</summary>
    public required string Serial { get; init; }

    public required string IssuerKeyId { get; init; }

    public required DateTimeOffset RevokedAt { get; init; }

    /// <summary>When the certificate expires by itself; the record is dropped some time after.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>A certificate that was signed: what revocation by identity or by node looks through.</summary>
public sealed record IssuedRecord
{
    public required string Serial { get; init; }

    public required string IssuerKeyId { get; init; }

    public required string Identity { get; init; }

    public required string Node { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }
}
