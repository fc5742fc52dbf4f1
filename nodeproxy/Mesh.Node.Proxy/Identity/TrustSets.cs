using System.Collections.Concurrent;
using Mesh.Api.Identity;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Proxy.Config;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Identity;

/// <summary>
/// What peers of each trust domain are verified against. The control plane's trust bundle decides; where there is none, the roots that
/// came with the last certificate do. Text that cannot be used leaves what was good before in force.
/// </summary>
/// <remarks>
/// Changed by one thread at a time (the store's lock); <see cref="Find"/> from any. A replaced set is not disposed: loops may be verifying
/// with it, and its memory goes with the last of them.
/// </remarks>
internal sealed partial class TrustSets(ILogger logger)
{
    private readonly ConcurrentDictionary<TrustDomain, Known> _known = new();
    private TrustMaterial _material = TrustMaterial.Empty;

    public TlsTrust? Find(TrustDomain trustDomain) => _known.TryGetValue(trustDomain, out Known? known) ? known.Trust : null;

    /// <summary>Takes what the control plane says of all trust domains.</summary>
    /// <returns>The trust domains, of those asked about before, whose set changed.</returns>
    public List<TrustDomain> Apply(TrustMaterial material)
    {
        _material = material;
        return [.. _known.Keys.Where(trustDomain => Rebuild(trustDomain))];
    }

    /// <summary>Takes the roots that came with a certificate.</summary>
    /// <returns>True when the trust domain's set changed.</returns>
    public bool Learn(TrustDomain trustDomain, string rootsPem)
    {
        _known.GetOrAdd(trustDomain, static _ => new Known()).LearntRootsPem = rootsPem;
        return Rebuild(trustDomain);
    }

    private bool Rebuild(TrustDomain trustDomain)
    {
        Known known = _known[trustDomain];
        string roots = _material.RootsPem.GetValueOrDefault(trustDomain.Name) ?? known.LearntRootsPem;
        string? revocationLists = _material.RevocationListsPemOf(trustDomain.Name);
        if (known.Trust is not null && roots == known.RootsInUse && revocationLists == known.RevocationListsInUse)
        {
            return false;
        }

        try
        {
            known.Trust = TlsTrust.Create(roots, revocationLists);
        }
        catch (TlsConfigurationException exception)
        {
            TrustUnusable(logger, trustDomain, exception.Message);
            return false;
        }

        known.RootsInUse = roots;
        known.RevocationListsInUse = revocationLists;
        return true;
    }

    private sealed class Known
    {
        // Written under the store's lock, read by any thread.
        private volatile TlsTrust? _trust;

        public TlsTrust? Trust
        {
            get => _trust;
            set => _trust = value;
        }

        public string LearntRootsPem { get; set; } = "";

        public string? RootsInUse { get; set; }

        public string? RevocationListsInUse { get; set; }
    }

    [LoggerMessage(EventId = 1311, Level = LogLevel.Error,
        Message = "The roots or revocation lists of {TrustDomain} cannot be used, so those before stay in force: {Reason}")]
    private static partial void TrustUnusable(ILogger logger, TrustDomain trustDomain, string reason);
}
