using System.Collections.Frozen;
using System.Collections.Immutable;
using Mesh.Api.Discovery;
using Mesh.Node.Model;
using Mesh.Node.Proxy.Config.Resources;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Config;

/// <summary>
/// Turns discovery responses into the configuration in force: the one writer of a <see cref="ConfigurationStore"/>. Each response is
/// applied in full or, where parts of it are refused, without those parts; what was good before stays. Called by one thread at a time.
/// </summary>
/// <param name="store">What it writes.</param>
/// <param name="rootNamespace">The namespace whose policies hold for the whole mesh.</param>
/// <param name="logger">Where refusals are named.</param>
internal sealed partial class ResourceApplier(ConfigurationStore store, string rootNamespace, ILogger<ResourceApplier> logger)
{
    private readonly ResourceDraft _draft = new(store.Current);
    private readonly ImmutableArray<ResourceType> _types =
        [new AddressType(), new AuthorizationType(rootNamespace), new TrafficType(), new TrustBundleType(), new RevocationListType()];

    private bool _requiredTypesSuffice;

    /// <summary>The types to subscribe to, in the order in which they are asked for.</summary>
    public ImmutableArray<ResourceType> Types => _types;

    /// <summary>True when everything required has come and types that only this mesh's own control plane serves have not.</summary>
    public bool AwaitsOnlyOwnTypes => _types.Any(IsAwaited) && !_types.Any(type => IsAwaited(type) && IsRequired(type));

    /// <summary>Applies a response.</summary>
    /// <returns>What was refused; null for a type nobody subscribed to.</returns>
    public IReadOnlyList<ResourceProblem>? Apply(DeltaDiscoveryResponse response)
    {
        ResourceType? type = _types.FirstOrDefault(candidate => candidate.TypeUrl == response.TypeUrl);
        if (type is null)
        {
            return null;
        }

        TrustMaterial trustBefore = _draft.Trust;
        List<ResourceProblem> refused = type.Apply(response, _draft);
        foreach (ResourceProblem problem in refused)
        {
            ResourceRefused(logger, problem.TypeUrl, problem.Name, problem.Text);
        }

        // Trust first: a certificate of a new authority may be behind the very next workload.
        if (!ReferenceEquals(trustBefore, _draft.Trust))
        {
            store.Publish(_draft.Trust);
        }

        PublishMesh();
        return refused;
    }

    /// <summary>
    /// Another control plane than this mesh's own never answers for this mesh's own types; after some time that is plain.
    /// </summary>
    public void StopWaitingForOwnTypes()
    {
        _requiredTypesSuffice = true;
        PublishMesh();
    }

    /// <summary>Shows how discovery stands.</summary>
    public void PublishState(bool isConnected)
    {
        ImmutableArray<string> awaited = [.. _types.Where(IsAwaited).Select(type => type.TypeUrl)];
        store.Publish(new DiscoveryState(isConnected, awaited, [.. _types.SelectMany(type => type.Problems)]));
    }

    private bool IsAwaited(ResourceType type) => !type.HasArrived && (!_requiredTypesSuffice || IsRequired(type));

    private static bool IsRequired(ResourceType type) => ResourceTypes.Required.Contains(type.TypeUrl);

    private void PublishMesh()
    {
        bool becomesComplete = !_draft.Mesh.IsComplete && !_types.Any(IsAwaited);
        if (becomesComplete)
        {
            _draft.Mesh.MarkComplete();
        }

        if (!becomesComplete && !_draft.HasChanges)
        {
            return;
        }

        MeshSnapshot previous = store.Current;
        MeshSnapshot current = _draft.Mesh.Build();
        var change = new ConfigurationChange(
            previous,
            current,
            _draft.Workloads.ToFrozenSet(StringComparer.Ordinal),
            _draft.Services.ToFrozenSet(StringComparer.Ordinal),
            _draft.Policies.ToFrozenSet(StringComparer.Ordinal),
            _draft.Traffic.ToFrozenSet(StringComparer.Ordinal));
        _draft.ForgetChanges();
        store.Publish(change);
        Published(
            logger, change.Workloads.Count, change.Services.Count, change.Policies.Count, change.Traffic.Count, current.IsComplete);
    }

    [LoggerMessage(EventId = 1221, Level = LogLevel.Warning,
        Message = "The control plane sent {TypeUrl} {Name}, which is refused: {Reason}.")]
    private static partial void ResourceRefused(ILogger logger, string typeUrl, string name, string reason);

    [LoggerMessage(EventId = 1222, Level = LogLevel.Debug,
        Message = "Configuration: {Workloads} workloads, {Services} services, {Policies} policies and the traffic of {Traffic} services "
            + "changed; complete: {IsComplete}.")]
    private static partial void Published(ILogger logger, int workloads, int services, int policies, int traffic, bool isComplete);
}
