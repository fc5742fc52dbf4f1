using Mesh.Control.Model.Canonical;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>The services of the mesh by host name.</summary>
internal sealed class ServiceDirectory
{
    private readonly Dictionary<string, List<Service>> _byHostname = new(StringComparer.Ordinal);

    public ServiceDirectory(IEnumerable<Service> services)
    {
        foreach (Service service in services)
        {
            if (!_byHostname.TryGetValue(service.Key.Hostname, out List<Service>? named))
            {
                _byHostname.Add(service.Key.Hostname, named = []);
            }

            named.Add(service);
        }
    }

    public IEnumerable<Service> All => _byHostname.Values.SelectMany(named => named).OrderBy(service => service.Key, s_order);

    private static readonly Comparer<ServiceKey> s_order = Comparer<ServiceKey>.Create(ServiceKey.Compare);

    /// <summary>
    /// Finds the service a rule means by a host name: that of its own namespace, else the canonical one, else the first by name. Those that
    /// its namespace cannot see do not count.
    /// </summary>
    public Service? Find(string hostname, string ruleNamespace) => !_byHostname.TryGetValue(hostname, out List<Service>? named)
        ? null
        : named.Where(service => !service.IsNamespaceLocal || service.Key.Namespace == ruleNamespace)
            .OrderByDescending(service => service.Key.Namespace == ruleNamespace)
            .ThenByDescending(service => service.IsCanonical)
            .ThenBy(service => service.Key.Namespace, StringComparer.Ordinal)
            .FirstOrDefault();
}
