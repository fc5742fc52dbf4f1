namespace Mesh.Control.Analysis.Inputs;

/// <summary>Services by the names under which rules speak of them.</summary>
internal sealed class HostIndex
{
    private readonly Dictionary<string, List<Service>> _exact = new(StringComparer.Ordinal);
    private readonly List<Service> _wildcards = [];
    private readonly string _clusterDomain;

    public HostIndex(IEnumerable<Service> services, string clusterDomain)
    {
        _clusterDomain = clusterDomain;
        foreach (Service service in services)
        {
            if (service.Host.StartsWith('*'))
            {
                _wildcards.Add(service);
            }
            else if (_exact.TryGetValue(service.Host, out List<Service>? named))
            {
                named.Add(service);
            }
            else
            {
                _exact.Add(service.Host, [service]);
            }
        }
    }

    /// <summary>The full name: one without a dot is a service of the rule's own namespace.</summary>
    public string Resolve(string host, string ruleNamespace) =>
        host.Contains('.', StringComparison.Ordinal) || host == "*" ? host : $"{host}.{ruleNamespace}.svc.{_clusterDomain}";

    /// <summary>The service a full name leads to: its own, or one for all names that end so.</summary>
    public Service? Find(string host) => _exact.TryGetValue(host, out List<Service>? named)
        ? named[0]
        : _wildcards.Find(service => Covers(service.Host, host));

    /// <summary>Every service that a host, exact or with a wildcard, is or takes in.</summary>
    public IEnumerable<Service> FindAll(string host) => host.StartsWith('*')
        ? _exact.Values.SelectMany(named => named).Concat(_wildcards).Where(service => Covers(host, service.Host))
        : _exact.TryGetValue(host, out List<Service>? named) ? named : _wildcards.Where(service => Covers(service.Host, host));

    /// <summary>Whether a pattern is, or takes in, a name.</summary>
    public static bool Covers(string pattern, string name) => pattern.StartsWith('*')
        ? name.EndsWith(pattern[1..], StringComparison.Ordinal)
        : string.Equals(pattern, name, StringComparison.Ordinal);

    /// <summary>Whether there may be a name that both patterns take in.</summary>
    public static bool Overlap(string left, string right) => Covers(left, right) || Covers(right, left);

    /// <summary>What to write for a name of two parts, which people take for a service and its namespace.</summary>
    public string? Completed(string host)
    {
        string[] parts = host.Split('.');
        string completed = $"{host}.svc.{_clusterDomain}";
        return parts.Length == 2 && _exact.ContainsKey(completed) ? completed : null;
    }
}
