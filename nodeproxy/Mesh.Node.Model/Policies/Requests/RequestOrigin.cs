using Mesh.Node.Model.Addresses;

namespace Mesh.Node.Model.Policies.Requests;

/// <summary>Who asks, beyond what the connection says. Made without allocation.</summary>
/// <param name="remoteAddress">
/// The address the request came from first, as the last trusted proxy before this one says; the connection's source where none does.
/// </param>
/// <param name="identity">Of the verified token; null where there is none.</param>
public readonly struct RequestOrigin(IpValue remoteAddress, IRequestIdentity? identity = null)
{
    public IpValue RemoteAddress { get; } = remoteAddress;

    public IRequestIdentity? Identity { get; } = identity;

    /// <summary>What a connection itself says: its own source, and no token.</summary>
    public static RequestOrigin Of(in ConnectionFacts facts) => new(facts.Source);
}
