using System.Collections.Immutable;
using Mesh.Node.Model;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Config;

/// <summary>
/// Holds the configuration in force. One writer replaces it whole; any thread reads. What is not replaced stays: that is all there is to
/// keeping the last good configuration.
/// </summary>
public sealed class ConfigurationStore(ILogger<ConfigurationStore> logger) : IConfigurationReader
{
    // Written by the one writer, read by any thread.
    private volatile MeshSnapshot _current = MeshSnapshot.Empty;
    private volatile TrustMaterial _trust = TrustMaterial.Empty;
    private volatile DiscoveryState _discovery = DiscoveryState.Initial;

    public event Action<ConfigurationChange>? Changed;

    /// <summary>Raised after <see cref="Trust"/> was replaced, on the writer's thread.</summary>
    public event Action<TrustMaterial>? TrustChanged;

    /// <summary>
    /// Raised when the control plane has answered on a new stream, on the writer's thread: what gave up on it may try again.
    /// </summary>
    public event Action<DiscoveryState>? Connected;

    public MeshSnapshot Current => _current;

    /// <summary>Roots and revocation lists as last told by the control plane.</summary>
    public TrustMaterial Trust => _trust;

    /// <summary>How discovery stands: what is awaited, what was refused. For readiness and display.</summary>
    public DiscoveryState Discovery => _discovery;

    /// <summary>Puts a snapshot in force and says so. Only the one writer calls it.</summary>
    internal void Publish(ConfigurationChange change)
    {
        _current = change.Current;
        ChangeHandlers.Tell(Changed, change, logger);
    }

    /// <summary>Puts roots and revocation lists in force and says so. Only the one writer calls it.</summary>
    internal void Publish(TrustMaterial trust)
    {
        _trust = trust;
        ChangeHandlers.Tell(TrustChanged, trust, logger);
    }

    /// <summary>Shows how discovery stands. Only the one writer calls it.</summary>
    internal void Publish(DiscoveryState discovery)
    {
        bool isNewlyConnected = discovery.IsConnected && !_discovery.IsConnected;
        _discovery = discovery;
        if (isNewlyConnected)
        {
            ChangeHandlers.Tell(Connected, discovery, logger);
        }
    }
}

/// <summary>How discovery stands.</summary>
/// <param name="IsConnected">A stream to the control plane is open and has answered.</param>
/// <param name="Awaited">Resource types whose first response has not come; readiness lists them.</param>
/// <param name="Problems">What the control plane sent and this node does not take, or takes in a stricter form.</param>
public sealed record DiscoveryState(bool IsConnected, ImmutableArray<string> Awaited, ImmutableArray<ResourceProblem> Problems)
{
    public static DiscoveryState Initial { get; } = new(false, ResourceTypes.Required, []);
}

/// <summary>What is wrong with one resource.</summary>
/// <param name="TypeUrl">The resource's type.</param>
/// <param name="Name">The resource's name.</param>
/// <param name="IsRefused">True when the resource was refused and what was good before stays; false when it is in force with a
/// remark.</param>
/// <param name="Text">What is wrong, and what it means.</param>
public sealed record ResourceProblem(string TypeUrl, string Name, bool IsRefused, string Text)
{
    public override string ToString() => $"{Name}: {Text}";
}
