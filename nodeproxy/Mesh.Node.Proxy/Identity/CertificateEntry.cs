using Mesh.Api.Identity;
using Mesh.Node.Proxy.Config;

namespace Mesh.Node.Proxy.Identity;

/// <summary>
/// One identity of this node: its certificate, and where the next one stands. Everything is under the store's lock except
/// <see cref="Current"/>, which any thread reads.
/// </summary>
internal sealed class CertificateEntry(SpiffeId identity)
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestRetry = TimeSpan.FromSeconds(150);

    private volatile KeyedCertificate? _current;

    public SpiffeId Identity { get; } = identity;

    /// <summary>The certificate in force, which may have expired; null before the first.</summary>
    public KeyedCertificate? Current
    {
        get => _current;
        set => _current = value;
    }

    public CertificatePhase Phase { get; set; } = CertificatePhase.Resting;

    /// <summary>Meaningful while queued.</summary>
    public CertificatePriority Priority { get; set; }

    /// <summary>Completed with the next certificate, or with null when the identity leaves; null while nobody waits.</summary>
    public TaskCompletionSource<TlsContexts?>? Waiters { get; set; }

    /// <summary>Asks again when it fires; null when nothing is planned.</summary>
    public ITimer? Timer { get; set; }

    /// <summary>When the timer fires.</summary>
    public DateTimeOffset? NextAttempt { get; set; }

    public Backoff Retries { get; } = new(s_firstRetry, s_longestRetry, spread: 0.2);

    /// <summary>Why the last attempt failed; null after a success.</summary>
    public string? LastError { get; set; }

    /// <summary>The last workload with the identity has left this node.</summary>
    public bool IsForgotten { get; set; }
}

/// <summary>A certificate with its key and what was made of them. Immutable, except that the key is wiped at the end.</summary>
/// <param name="Issued">The certificate.</param>
/// <param name="PrivateKeyPkcs8">Its key.</param>
/// <param name="Contexts">What sessions are opened with.</param>
internal sealed record KeyedCertificate(IssuedCertificate Issued, byte[] PrivateKeyPkcs8, TlsContexts Contexts)
{
    /// <summary>A revocation list in force names it, or one above it. It is not asked for again on account of the next list.</summary>
    public bool IsRevoked { get; init; }

    /// <summary>Never prints the key.</summary>
    public override string ToString() => Issued.Chain[0].ToString();
}

/// <summary>Where the next certificate of an identity stands.</summary>
internal enum CertificatePhase
{
    /// <summary>Nothing to do until the timer fires or somebody waits.</summary>
    Resting,

    /// <summary>In the queue.</summary>
    Queued,

    /// <summary>The authority has been asked.</summary>
    Requesting,
}
