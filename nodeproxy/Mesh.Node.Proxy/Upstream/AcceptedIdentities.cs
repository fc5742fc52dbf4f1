using Mesh.Api.Identity;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Upstream;

/// <summary>The identities a destination may show: the workload's own, and those its service vouches for.</summary>
internal sealed class AcceptedIdentities : IPeerVerifier
{
    private readonly SpiffeId[] _identities;

    public AcceptedIdentities(Workload workload, Service? service)
    {
        Own = workload.Identity;
        _identities = service is { SubjectAltNames.Length: > 0 } ? [workload.Identity, .. service.SubjectAltNames] : [workload.Identity];
        Key = _identities.Length == 1 ? workload.Identity.ToString() : string.Join(' ', _identities.Select(i => i.ToString()));
    }

    /// <summary>The workload's own.</summary>
    public SpiffeId Own { get; }

    /// <summary>The set as text, equal for equal sets in equal order.</summary>
    public string Key { get; }

    /// <inheritdoc/>
    public bool Accept(in PeerCertificateFacts facts, out string? reason)
    {
        foreach (SpiffeId accepted in _identities)
        {
            if (string.Equals(accepted.ToString(), facts.UriSan, StringComparison.Ordinal))
            {
                reason = null;
                return true;
            }
        }

        reason = $"{facts.UriSan} is not {string.Join(" or ", _identities.Select(i => i.ToString()))}";
        return false;
    }
}
