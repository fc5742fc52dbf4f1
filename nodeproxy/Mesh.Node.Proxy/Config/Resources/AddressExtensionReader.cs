using System.Collections.Immutable;
using Google.Protobuf;
using Mesh.Api.Traits;
using Mesh.Node.Model.Workloads;
using Wire = Mesh.Api.Workload;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>The extensions of workloads and services that are known here. Others do not concern this proxy.</summary>
internal static class AddressExtensionReader
{
    /// <summary>What NetworkPolicies restrict of a workload's connections; null when the control plane does not say.</summary>
    /// <exception cref="ResourceRefusedException">The extension is not what its name says.</exception>
    public static NetworkPolicyReach? NetworkPolicies(Wire.Workload wire) =>
        Find<WorkloadTraits>(wire.Extensions, WorkloadExtensions.Traits) is { } traits
            ? (traits.NetworkPolicyIngress ? NetworkPolicyReach.Ingress : NetworkPolicyReach.None)
                | (traits.NetworkPolicyEgress ? NetworkPolicyReach.Egress : NetworkPolicyReach.None)
            : null;

    /// <summary>Whether a workload's connections may go to what the mesh knows and nowhere else.</summary>
    /// <exception cref="ResourceRefusedException">The extension is not what its name says.</exception>
    public static bool IsRegistryOnly(Wire.Workload wire) =>
        Find<WorkloadTraits>(wire.Extensions, WorkloadExtensions.Traits) is { RegistryOnly: true };

    /// <summary>Whether a workload's requests have lines in the log of its node.</summary>
    /// <exception cref="ResourceRefusedException">The extension is not what its name says.</exception>
    public static RequestLogging Logging(Wire.Workload wire) =>
        Find<WorkloadTraits>(wire.Extensions, WorkloadExtensions.Traits) is { } traits
            ? new RequestLogging(Known(traits.ClientLog), Known(traits.ServerLog))
            : default;

    /// <summary>What a newer control plane asks for is left to the node: nothing else depends on it.</summary>
    private static Mesh.Node.Model.Workloads.RequestLog Known(Mesh.Api.Traits.RequestLog wire) => wire switch
    {
        Mesh.Api.Traits.RequestLog.Written => Mesh.Node.Model.Workloads.RequestLog.Written,
        Mesh.Api.Traits.RequestLog.Omitted => Mesh.Node.Model.Workloads.RequestLog.Omitted,
        _ => Mesh.Node.Model.Workloads.RequestLog.ByNode,
    };

    /// <summary>How clients that dial none of a service's addresses reach it.</summary>
    /// <exception cref="ResourceRefusedException">The extension is not what its name says.</exception>
    public static ServiceReach Reach(Wire.Service wire) =>
        Find<ServiceEntryTraits>(wire.Extensions, ServiceExtensions.Entry) is { } traits
            ? (traits.ByName ? ServiceReach.Names : ServiceReach.Addresses) | (traits.ByPort ? ServiceReach.Port : ServiceReach.Addresses)
            : ServiceReach.Addresses;

    /// <summary>Whether of the addresses of an endpoint's name only the one named first is used.</summary>
    /// <exception cref="ResourceRefusedException">The extension is not what its name says.</exception>
    public static bool TakesFirstAnswer(Wire.Service wire) =>
        Find<ServiceEntryTraits>(wire.Extensions, ServiceExtensions.Entry) is { FirstAnswer: true };

    /// <summary>The keys of the subsets a workload is in, by service.</summary>
    /// <exception cref="ResourceRefusedException">The extension is not what its name says.</exception>
    public static Dictionary<string, ImmutableArray<string>> Subsets(Wire.Workload wire, InternPool pool)
    {
        var subsets = new Dictionary<string, ImmutableArray<string>>(StringComparer.Ordinal);
        foreach (ServiceSubsets service in Find<WorkloadSubsets>(wire.Extensions, WorkloadExtensions.Subsets)?.Services ?? [])
        {
            if (!subsets.TryAdd(service.Service, [.. service.Keys.Distinct(StringComparer.Ordinal).Select(pool.Text)]))
            {
                throw new ResourceRefusedException($"extensions: {WorkloadExtensions.Subsets} has {service.Service} twice");
            }
        }

        return subsets;
    }

    private static T? Find<T>(IEnumerable<Wire.Extension> extensions, string name)
        where T : class, IMessage<T>, new()
    {
        Wire.Extension? extension = extensions.FirstOrDefault(extension => extension.Name == name);
        if (extension is null)
        {
            return null;
        }

        try
        {
            return extension.Config is not null && extension.Config.TryUnpack(out T content)
                ? content
                : throw new ResourceRefusedException($"extensions: {name} is no {new T().Descriptor.FullName}");
        }
        catch (InvalidProtocolBufferException malformed)
        {
            throw new ResourceRefusedException($"extensions: {name}: {malformed.Message}");
        }
    }
}
