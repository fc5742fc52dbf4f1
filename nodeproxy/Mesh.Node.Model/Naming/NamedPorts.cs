using System.Collections.Frozen;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Naming;

/// <summary>The ports at which services are reached by what clients ask for. Immutable; any thread; lookups allocate nothing.</summary>
public sealed class NamedPorts
{
    private readonly FrozenDictionary<ushort, NamedPort> _ports;

    private NamedPorts(FrozenDictionary<ushort, NamedPort> ports) => _ports = ports;

    public static NamedPorts Empty { get; } = new(FrozenDictionary<ushort, NamedPort>.Empty);

    /// <param name="services">All services; those that are reached by address alone do not count.</param>
    public static NamedPorts Of(IEnumerable<Service> services) => new(
        services.Where(service => service.Reach != ServiceReach.Addresses)
            .SelectMany(service => service.Ports.Select(port => (port.Port, Service: service)))
            .GroupBy(entry => entry.Port)
            .ToFrozenDictionary(group => group.Key, group => new NamedPort(group.Key, group.Select(entry => entry.Service))));

    /// <summary>What is reached so at a port; null for nothing.</summary>
    public NamedPort? Find(ushort port) => _ports.GetValueOrDefault(port);
}
