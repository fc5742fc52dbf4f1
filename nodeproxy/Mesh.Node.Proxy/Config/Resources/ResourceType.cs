using Google.Protobuf;
using Mesh.Api.Discovery;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>
/// One type of resource on the discovery stream: what of it was accepted in which version, and how it goes into the configuration. The
/// writer's thread only.
/// </summary>
internal abstract class ResourceType(string typeUrl)
{
    /// <summary>Names are shown to people and kept; a longer one is not a name.</summary>
    private const int NameCharsMax = 1_024;

    private readonly Dictionary<string, string> _versions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ResourceProblem> _problems = new(StringComparer.Ordinal);

    public string TypeUrl { get; } = typeUrl;

    /// <summary>
    /// Version by name of what is in force and was accepted; empty, which is no version, for what was refused from the first. What a new
    /// stream begins with, so that the control plane sends again what was refused and says of either when it is gone.
    /// </summary>
    public IReadOnlyDictionary<string, string> Versions => _versions;

    /// <summary>What is wrong now, by name.</summary>
    public IReadOnlyCollection<ResourceProblem> Problems => _problems.Values;

    /// <summary>True once a response of this type has come.</summary>
    public bool HasArrived { get; private set; }

    /// <summary>Applies one response: everything good in it, whatever else it holds.</summary>
    /// <returns>What was refused.</returns>
    public List<ResourceProblem> Apply(DeltaDiscoveryResponse response, ResourceDraft draft)
    {
        HasArrived = true;
        var refused = new List<ResourceProblem>();
        foreach (string name in response.RemovedResources)
        {
            _versions.Remove(name);
            _problems.Remove(name);
            Remove(name, draft);
        }

        foreach (Resource resource in response.Resources)
        {
            if (Take(resource, draft) is ResourceProblem problem)
            {
                refused.Add(problem);
            }
        }

        return refused;
    }

    /// <summary>Compiles one resource and puts it into the draft when it is good, or stricter than nothing.</summary>
    /// <param name="name">The name on the stream; the content must agree with it.</param>
    /// <param name="content">The resource's own bytes.</param>
    /// <param name="draft">Where it goes.</param>
    /// <returns>Why it is refused, and what to remark; null for neither.</returns>
    /// <exception cref="InvalidProtocolBufferException">The bytes are not of the type.</exception>
    protected abstract (string? Refusal, string? Remark) Set(string name, ByteString content, ResourceDraft draft);

    /// <summary>Called when what came under a name is not even of the type, so that <see cref="Set"/> was not asked or failed.</summary>
    /// <returns>The reason, with what it means added to it.</returns>
    protected virtual string Refuse(string name, string reason, ResourceDraft draft) => reason;

    /// <summary>Takes a resource out of the draft; nothing happens when it is not there.</summary>
    protected abstract void Remove(string name, ResourceDraft draft);

    private ResourceProblem? Take(Resource resource, ResourceDraft draft)
    {
        (string? refusal, string? remark) = Read(resource, draft);
        if (refusal is not null)
        {
            // The version in force, if any, stays recorded.
            _versions.TryAdd(resource.Name, "");
            return _problems[resource.Name] = new ResourceProblem(TypeUrl, resource.Name, IsRefused: true, refusal);
        }

        _versions[resource.Name] = resource.Version;
        if (remark is null)
        {
            _problems.Remove(resource.Name);
        }
        else
        {
            _problems[resource.Name] = new ResourceProblem(TypeUrl, resource.Name, IsRefused: false, remark);
        }

        return null;
    }

    private (string? Refusal, string? Remark) Read(Resource resource, ResourceDraft draft)
    {
        if (resource.Name.Length is 0 or > NameCharsMax)
        {
            return (Refuse(resource.Name, "it has no name, or one no resource has", draft), null);
        }

        if (resource.Resource_ is null || resource.Resource_.TypeUrl != TypeUrl)
        {
            return (Refuse(resource.Name, $"its content is a '{resource.Resource_?.TypeUrl}'", draft), null);
        }

        try
        {
            return Set(resource.Name, resource.Resource_.Value, draft);
        }
        catch (InvalidProtocolBufferException exception)
        {
            return (Refuse(resource.Name, $"its content cannot be decoded: {exception.Message}", draft), null);
        }
    }
}
