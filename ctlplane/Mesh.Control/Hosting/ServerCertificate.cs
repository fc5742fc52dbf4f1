using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Mesh.Control.Serving.Ca;

namespace Mesh.Control.Hosting;

/// <summary>
/// The certificate the control plane serves with. Issued by its own authority, kept in memory, renewed at half its life and whenever
/// another root begins to sign; a handshake that finds it due renews it. Any thread.
/// </summary>
internal sealed class ServerCertificate(
    CertificateAuthority authority, IReadOnlyList<string> dnsNames, IReadOnlyList<IPAddress> addresses, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(24);

    private readonly Lock _renewing = new();
    private SslStreamCertificateContext? _context;
    private string _keyId = string.Empty;
    private DateTimeOffset _renewAt;

    /// <summary>What a handshake that begins now presents.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            lock (_renewing)
            {
                if (_context is null || time.GetUtcNow() >= _renewAt || _keyId != authority.ActiveKeyId)
                {
                    Renew();
                }

                return _context!;
            }
        }
    }

    public void Dispose() => _context?.TargetCertificate.Dispose();

    private void Renew()
    {
        string keyId = authority.ActiveKeyId;
        (IssuedCertificate issued, string privateKeyPem) = authority.IssueServer(dnsNames, addresses, s_lifetime);
        var leaf = X509Certificate2.CreateFromPem(issued.Chain[0], privateKeyPem);
        var intermediates = new X509Certificate2Collection();
        foreach (string pem in issued.Chain.Skip(1))
        {
            intermediates.ImportFromPem(pem);
        }

        // Handshakes under way may still use the one before: it is left to the collector.
        _context = SslStreamCertificateContext.Create(leaf, intermediates, offline: true);
        _keyId = keyId;
        _renewAt = time.GetUtcNow() + (s_lifetime / 2);
    }
}
