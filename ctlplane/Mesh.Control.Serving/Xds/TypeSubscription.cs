using Google.Protobuf.Collections;
using Mesh.Api.Discovery;

namespace Mesh.Control.Serving.Xds;

/// <summary>What to tell a client about one type.</summary>
internal sealed record ResourceUpdate(List<ServedResource> Changed, List<string> Removed);

/// <summary>
/// What one client wants of one type and what it has been told. A client that wants everything is at a snapshot, and moving it to the next
/// costs what changed in between; a client that asks by name is followed name by name. Owned by its stream; knows no I/O.
/// </summary>
internal sealed class TypeSubscription(string node)
{
    public const int NameCountMax = 100_000;
    public const int NameCharsMax = 2_048;

    private const string Wildcard = "*";

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    /// <summary>Asked for since the last response: to be sent even if the client has it, or to be called missing.</summary>
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);
    private readonly HashSet<string> _toldMissing = new(StringComparer.Ordinal);

    /// <summary>Name to version of what the client holds, as long as it is not <see cref="_heldSnapshot"/>.</summary>
    private Dictionary<string, string> _held = new(StringComparer.Ordinal);
    private TypeSnapshot? _heldSnapshot;
    private bool _isFirstRequest = true;
    private bool _owesResponse;

    public bool IsWildcard { get; private set; }

    public int NameCount => _names.Count;

    /// <summary>Whether the client has been told anything; the first response is what it waits for to be ready.</summary>
    public bool HasResponded { get; private set; }

    /// <summary>Takes over the subscription part of a request.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public string? Apply(DeltaDiscoveryRequest request)
    {
        if (_names.Count + request.ResourceNamesSubscribe.Count > NameCountMax || request.InitialResourceVersions.Count > NameCountMax)
        {
            return $"More than {NameCountMax} names.";
        }

        if (request.ResourceNamesSubscribe.Any(name => name.Length > NameCharsMax))
        {
            return $"A name of more than {NameCharsMax} characters.";
        }

        if (_isFirstRequest)
        {
            ApplyFirst(request);
        }
        else
        {
            ApplyWildcardChange(request);
        }

        foreach (string name in request.ResourceNamesSubscribe)
        {
            if (name != Wildcard)
            {
                _names.Add(name);
                _asked.Add(name);
                _owesResponse = true;
            }
        }

        foreach (string name in request.ResourceNamesUnsubscribe)
        {
            _names.Remove(name);
            _asked.Remove(name);
            _toldMissing.Remove(name);
            if (!IsWildcard)
            {
                _held.Remove(name);
            }
        }

        return null;
    }

    /// <summary>Moves the client to <paramref name="snapshot"/>.</summary>
    /// <returns>What to send, possibly empty when a response is owed; null when there is nothing to send.</returns>
    public ResourceUpdate? Advance(TypeSnapshot snapshot)
    {
        ResourceUpdate update = IsWildcard ? AdvanceWildcard(snapshot) : AdvanceByName(snapshot);
        _asked.Clear();
        if (update.Changed.Count == 0 && update.Removed.Count == 0 && !_owesResponse)
        {
            return null;
        }

        _owesResponse = false;
        HasResponded = true;
        return update;
    }

    /// <summary>
    /// No names at all means everything; so does "*", unless it is taken back at once, which is how an on-demand client says that it
    /// wants nothing yet. Such a client's earlier resources count as asked for.
    /// </summary>
    private void ApplyFirst(DeltaDiscoveryRequest request)
    {
        _isFirstRequest = false;
        RepeatedField<string> subscribe = request.ResourceNamesSubscribe;
        IsWildcard = (subscribe.Count == 0 || subscribe.Contains(Wildcard)) && !request.ResourceNamesUnsubscribe.Contains(Wildcard);
        _owesResponse = IsWildcard;
        _held = new Dictionary<string, string>(request.InitialResourceVersions, StringComparer.Ordinal);
        if (!IsWildcard)
        {
            _names.UnionWith(_held.Keys);
        }
    }

    private void ApplyWildcardChange(DeltaDiscoveryRequest request)
    {
        bool wasWildcard = IsWildcard;
        bool takesBack = request.ResourceNamesUnsubscribe.Contains(Wildcard);
        bool asks = request.ResourceNamesSubscribe.Contains(Wildcard);
        IsWildcard = (IsWildcard || asks) && !takesBack;
        if (asks && IsWildcard)
        {
            // Asking again for what one has means that one wants it again.
            _owesResponse = true;
            _heldSnapshot = null;
            _held.Clear();
        }
        else if (wasWildcard && !IsWildcard)
        {
            // The client forgets what it did not ask for by name, so nothing is known to be held.
            _heldSnapshot = null;
            _held.Clear();
        }
    }

    private ResourceUpdate AdvanceWildcard(TypeSnapshot snapshot)
    {
        ResourceUpdate update = _heldSnapshot switch
        {
            null => Difference(snapshot, name => _held.GetValueOrDefault(name), _held.Keys),
            _ when _heldSnapshot.Generation == snapshot.Generation => new ResourceUpdate([], []),
            _ when _heldSnapshot.Generation == snapshot.PreviousGeneration =>
                new ResourceUpdate([.. snapshot.Changed], [.. snapshot.Removed]),
            _ => Difference(snapshot, VersionAtHeldSnapshot, _heldSnapshot.Resources.Keys),
        };
        if (_asked.Count > 0)
        {
            AddAsked(snapshot, update);
        }

        _heldSnapshot = snapshot;
        _held.Clear();
        return update;
    }

    private void AddAsked(TypeSnapshot snapshot, ResourceUpdate update)
    {
        HashSet<ServedResource> changed = [.. update.Changed];
        HashSet<string> removed = [.. update.Removed];
        foreach (string name in _asked)
        {
            List<ServedResource> found = Find(snapshot, name);
            update.Changed.AddRange(found.Where(changed.Add));
            if (found.Count == 0 && removed.Add(name))
            {
                update.Removed.Add(name);
            }
        }
    }

    private string? VersionAtHeldSnapshot(string name) =>
        _heldSnapshot!.Resources.TryGetValue(name, out ServedResource? resource) ? resource.Version : null;

    private static ResourceUpdate Difference(TypeSnapshot snapshot, Func<string, string?> heldVersionOf, IEnumerable<string> heldNames) =>
        new(
            [.. snapshot.Resources.Values.Where(resource => heldVersionOf(resource.Name) != resource.Version)],
            [.. heldNames.Where(name => !snapshot.Resources.ContainsKey(name))]);

    private ResourceUpdate AdvanceByName(TypeSnapshot snapshot)
    {
        var wanted = new Dictionary<string, ServedResource>(StringComparer.Ordinal);
        var asked = new HashSet<string>(StringComparer.Ordinal);
        var found = new HashSet<string>(StringComparer.Ordinal);
        var missing = new HashSet<string>(StringComparer.Ordinal);
        foreach (string name in _names)
        {
            List<ServedResource> matches = Find(snapshot, name);
            if (matches.Count == 0)
            {
                if (_toldMissing.Add(name) || _asked.Contains(name))
                {
                    missing.Add(name);
                }

                continue;
            }

            _toldMissing.Remove(name);
            found.Add(name);
            foreach (ServedResource match in matches)
            {
                wanted[match.Name] = match;
                if (_asked.Contains(name))
                {
                    asked.Add(match.Name);
                }

                // Whoever asks for a service is about to need its endpoints.
                foreach (ServedResource endpoint in snapshot.Index.EndpointsOf(match.Name))
                {
                    wanted[endpoint.Name] = endpoint;
                }
            }
        }

        foreach (ServedResource own in snapshot.Index.OnNode(node))
        {
            wanted[own.Name] = own;
        }

        var update = new ResourceUpdate(
            [
                .. wanted.Values.Where(
                    resource => asked.Contains(resource.Name) || _held.GetValueOrDefault(resource.Name) != resource.Version),
            ],
            [.. missing, .. _held.Keys.Where(name => !wanted.ContainsKey(name) && !found.Contains(name) && !missing.Contains(name))]);
        _held = wanted.ToDictionary(entry => entry.Key, entry => entry.Value.Version, StringComparer.Ordinal);
        return update;
    }

    private static List<ServedResource> Find(TypeSnapshot snapshot, string name) =>
        snapshot.Resources.TryGetValue(name, out ServedResource? resource) ? [resource] : [.. snapshot.Index.ByAlias(name)];
}
