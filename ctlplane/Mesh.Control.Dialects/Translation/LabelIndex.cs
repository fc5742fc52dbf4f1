using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>
/// Finds the workloads a selector selects without asking every workload: by the rarest of the selector's labels. A namespace with a
/// thousand services and five thousand pods would otherwise cost five million comparisons per change.
/// </summary>
internal sealed class LabelIndex
{
    private readonly List<WorkloadDraft> _all;
    private readonly Dictionary<(string Key, string Value), List<WorkloadDraft>> _byLabel = [];

    public LabelIndex(List<WorkloadDraft> drafts)
    {
        _all = drafts;
        foreach (WorkloadDraft draft in drafts)
        {
            foreach (KeyValuePair<string, string> label in draft.Labels.Entries)
            {
                if (!_byLabel.TryGetValue((label.Key, label.Value), out List<WorkloadDraft>? bucket))
                {
                    _byLabel[(label.Key, label.Value)] = bucket = [];
                }

                bucket.Add(draft);
            }
        }
    }

    public List<WorkloadDraft> Select(Labels selector)
    {
        List<WorkloadDraft> candidates = _all;
        foreach (KeyValuePair<string, string> label in selector.Entries)
        {
            if (!_byLabel.TryGetValue((label.Key, label.Value), out List<WorkloadDraft>? bucket))
            {
                return [];
            }

            candidates = bucket.Count < candidates.Count ? bucket : candidates;
        }

        return candidates.FindAll(draft => draft.Labels.Satisfy(selector));
    }
}
