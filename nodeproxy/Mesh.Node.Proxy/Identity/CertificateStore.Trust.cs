using System.Security.Cryptography;
using Mesh.Api.Identity;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Proxy.Config;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Identity;

/// <content>What certificates and trust make together: the contexts sessions are opened with.</content>
public sealed partial class CertificateStore
{
    public event Action<TrustDomain>? TrustChanged;

    public TlsTrust? FindTrust(TrustDomain trustDomain) => _trust.Find(trustDomain);

    /// <summary>Takes roots and revocation lists the control plane sent; new sessions are verified against them from now on.</summary>
    internal void SetTrust(TrustMaterial material)
    {
        List<TrustDomain> changed;
        lock (_gate)
        {
            changed = _trust.Apply(material);
            changed.ForEach(RemakeContexts);
            changed.ForEach(ReplaceRevoked);
            StartRequests();
        }

        changed.ForEach(trustDomain => TrustChanged?.Invoke(trustDomain));
    }

    private void LearnTrust(TrustDomain trustDomain, string rootsPem)
    {
        lock (_gate)
        {
            if (!_trust.Learn(trustDomain, rootsPem))
            {
                return;
            }

            RemakeContexts(trustDomain);
        }

        TrustChanged?.Invoke(trustDomain);
    }

    private KeyedCertificate Combine(SpiffeId identity, IssuedCertificate issued, WorkloadKey key)
    {
        byte[] privateKey = key.ExportPkcs8();
        try
        {
            return new KeyedCertificate(issued, privateKey, MakeContexts(identity, issued, privateKey))
            {
                IsRevoked = IsRevoked(identity, issued),
            };
        }
        catch
        {
            CryptographicOperations.ZeroMemory(privateKey);
            throw;
        }
    }

    /// <summary>Every certificate of the trust domain gets contexts with the trust now in force. Under the gate.</summary>
    private void RemakeContexts(TrustDomain trustDomain)
    {
        foreach (CertificateEntry entry in _entries.Values)
        {
            if (entry.Current is not KeyedCertificate current || !entry.Identity.TrustDomain.Equals(trustDomain))
            {
                continue;
            }

            try
            {
                Replace(entry, current with { Contexts = MakeContexts(entry.Identity, current.Issued, current.PrivateKeyPkcs8) });
            }
            catch (TlsConfigurationException exception)
            {
                RemakeFailed(_logger, entry.Identity, exception.Message);
            }
        }
    }

    /// <summary>
    /// An identity whose certificate has been revoked gets another, with another key, if the authority still gives it one. At half life
    /// would be too late: peers refuse it from now on. Under the gate.
    /// </summary>
    private void ReplaceRevoked(TrustDomain trustDomain)
    {
        foreach (CertificateEntry entry in _entries.Values)
        {
            if (entry.Current is KeyedCertificate { IsRevoked: false } current
                && entry.Identity.TrustDomain.Equals(trustDomain)
                && IsRevoked(entry.Identity, current.Issued))
            {
                Revoked(_logger, entry.Identity, current.Issued.Chain[0].SerialNumber);
                Replace(entry, current with { IsRevoked = true });
                Enqueue(entry, CertificatePriority.Warmup);
            }
        }
    }

    // A certificate that is merely older than its root in force is good until peers say otherwise.
    private bool IsRevoked(SpiffeId identity, IssuedCertificate issued) =>
        _trust.Find(identity.TrustDomain)?.CheckChain(issued.ChainPem)?.Kind == TlsFailureKind.Revoked;

    private TlsContexts MakeContexts(SpiffeId identity, IssuedCertificate issued, byte[] privateKey)
    {
        TlsTrust trust = _trust.Find(identity.TrustDomain)
            ?? throw new TlsConfigurationException($"No usable roots of {identity.TrustDomain} came with the certificate.");
        return new TlsContexts(Make(isServer: false), Make(isServer: true), issued.NotAfter);

        TlsContext Make(bool isServer) => TlsContext.Create(new TlsContextOptions
        {
            IsServer = isServer,
            CertificateChainPem = issued.ChainPem,
            PrivateKeyPkcs8 = privateKey,
            Trust = trust,
            TrustDomains = [identity.TrustDomain.Name],
        });
    }

    [LoggerMessage(EventId = 1305, Level = LogLevel.Warning,
        Message = "The certificate {SerialNumber} of {Identity} has been revoked; asking for another.")]
    private static partial void Revoked(ILogger logger, SpiffeId identity, string serialNumber);

    [LoggerMessage(EventId = 1303, Level = LogLevel.Error,
        Message = "The certificate of {Identity} goes on being used with the roots and revocation lists before: {Reason}")]
    private static partial void RemakeFailed(ILogger logger, SpiffeId identity, string reason);
}
