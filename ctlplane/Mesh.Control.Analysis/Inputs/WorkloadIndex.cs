using System.Text;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Inputs;

/// <summary>The workloads of the mesh, alike ones once, found by labels without asking each.</summary>
internal sealed class WorkloadIndex
{
    private readonly Dictionary<string, List<Workload>> _byNamespace = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Namespace, string Key, string Value), List<Workload>> _byLabel = [];
    private readonly List<Workload> _all = [];

    public WorkloadIndex(IEnumerable<Workload> workloads)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (Workload workload in workloads)
        {
            if (seen.Add(LikenessOf(workload)))
            {
                Add(workload);
            }
        }
    }

    public IReadOnlyList<Workload> All => _all;

    public IEnumerable<Workload> In(string @namespace) => _byNamespace.GetValueOrDefault(@namespace, []);

    /// <summary>The workloads of a namespace that have all of some labels.</summary>
    public IEnumerable<Workload> Select(string @namespace, Labels selector)
    {
        List<Workload> candidates = _byNamespace.GetValueOrDefault(@namespace, []);
        foreach (KeyValuePair<string, string> label in selector.Entries)
        {
            List<Workload> having = _byLabel.GetValueOrDefault((@namespace, label.Key, label.Value), []);
            candidates = having.Count < candidates.Count ? having : candidates;
        }

        return candidates.Where(workload => workload.Labels.Satisfy(selector));
    }

    public IEnumerable<Workload> SelectEverywhere(Labels selector) =>
        _byNamespace.Keys.SelectMany(@namespace => Select(@namespace, selector));

    private void Add(Workload workload)
    {
        _all.Add(workload);
        ListOf(_byNamespace, workload.Namespace).Add(workload);
        foreach (KeyValuePair<string, string> label in workload.Labels.Entries)
        {
            ListOf(_byLabel, (workload.Namespace, label.Key, label.Value)).Add(workload);
        }
    }

    private static List<Workload> ListOf<TKey>(Dictionary<TKey, List<Workload>> map, TKey key)
        where TKey : notnull
    {
        if (!map.TryGetValue(key, out List<Workload>? list))
        {
            map.Add(key, list = []);
        }

        return list;
    }

    private static string LikenessOf(Workload workload)
    {
        StringBuilder text = new StringBuilder(workload.Namespace).Append('\n').Append(workload.ServiceAccount);
        foreach (KeyValuePair<string, string> label in workload.Labels.Entries)
        {
            text.Append('\n').Append(label.Key).Append('=').Append(label.Value);
        }

        foreach ((string name, int number) in workload.Ports)
        {
            text.Append('\n').Append(name).Append(':').Append(number);
        }

        return text.ToString();
    }
}
