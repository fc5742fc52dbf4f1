namespace Mesh.Node.Capture.Agent;

/// <summary>Which pod holds which namespace: two pods cannot be told apart in one. Safe on any thread.</summary>
internal sealed class NamespaceOwners
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(ulong Device, ulong Inode), string> _owners = [];

    /// <summary>Takes a namespace for a pod.</summary>
    /// <returns>Null when the pod has it now, otherwise the pod that has it.</returns>
    public string? TryTake((ulong Device, ulong Inode) id, string uid)
    {
        lock (_gate)
        {
            if (_owners.TryGetValue(id, out string? owner))
            {
                return owner == uid ? null : owner;
            }

            _owners.Add(id, uid);
            return null;
        }
    }

    /// <summary>Gives a namespace back.</summary>
    public void Release((ulong Device, ulong Inode) id, string uid)
    {
        lock (_gate)
        {
            if (_owners.TryGetValue(id, out string? owner) && owner == uid)
            {
                _owners.Remove(id);
            }
        }
    }
}
