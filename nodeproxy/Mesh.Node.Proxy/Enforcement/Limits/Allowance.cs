using Mesh.Node.Model.Policies.Limits;

namespace Mesh.Node.Proxy.Enforcement.Limits;

/// <summary>What one client, or several together, may still ask of one workload by one limit. Any thread.</summary>
internal sealed class Allowance(TokenBucket bucket)
{
    private volatile bool _isRetired;

    /// <summary>Whether another stands for the client now: whoever keeps this one looks again.</summary>
    public bool IsRetired => _isRetired;

    public TokenBucket Bucket => bucket;

    public void Retire() => _isRetired = true;
}
