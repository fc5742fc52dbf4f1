using Mesh.Api.Identity;
using Mesh.Node.Model;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Config;

namespace Mesh.Node.Proxy.Identity;

/// <summary>
/// Keeps a certificate store in step with the configuration: which identities this node's workloads have, what trust the control plane
/// sends, and when it is back. Runs on the configuration writer's thread.
/// </summary>
public sealed class LocalIdentities : IDisposable
{
    private readonly ConfigurationStore _configuration;
    private readonly CertificateStore _certificates;
    private readonly string _nodeName;

    /// <summary>Begins to follow.</summary>
    public LocalIdentities(ConfigurationStore configuration, CertificateStore certificates, string nodeName)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        _configuration = configuration;
        _certificates = certificates;
        _nodeName = nodeName;
        configuration.Changed += OnChanged;
        configuration.TrustChanged += certificates.SetTrust;
        configuration.Connected += OnConnected;
        certificates.SetTrust(configuration.Trust);
        certificates.SetLocal(IdentitiesIn(configuration.Current));
    }

    /// <summary>Stops following.</summary>
    public void Dispose()
    {
        _configuration.Changed -= OnChanged;
        _configuration.TrustChanged -= _certificates.SetTrust;
        _configuration.Connected -= OnConnected;
    }

    private void OnConnected(DiscoveryState discovery) => _certificates.RetryNow();

    private void OnChanged(ConfigurationChange change)
    {
        foreach (string uid in change.Workloads)
        {
            if (IsHere(change.Previous.FindWorkload(uid)) || IsHere(change.Current.FindWorkload(uid)))
            {
                _certificates.SetLocal(IdentitiesIn(change.Current));
                return;
            }
        }
    }

    private bool IsHere(Workload? workload) => string.Equals(workload?.Node, _nodeName, StringComparison.Ordinal);

    /// <summary>Each identity here; those whose traffic is tunnelled are wanted before the first connection.</summary>
    private Dictionary<SpiffeId, bool> IdentitiesIn(MeshSnapshot snapshot)
    {
        var identities = new Dictionary<SpiffeId, bool>();
        foreach (Workload workload in snapshot.WorkloadsOn(_nodeName).Values)
        {
            bool isTunnelled = workload.TunnelProtocol == TunnelProtocol.Hbone;
            identities[workload.Identity] = identities.GetValueOrDefault(workload.Identity) || isTunnelled;
        }

        return identities;
    }
}
