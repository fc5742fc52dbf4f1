using System.Globalization;
using System.Text.Json.Nodes;

namespace Mesh.Testing.Kubernetes;

/// <summary>One change, as a watch says it.</summary>
public sealed record ApiChange(long Version, string Type, JsonObject Object);

/// <summary>Counts the changes of everything an API server holds. Any thread.</summary>
public sealed class ApiVersions
{
    private long _last = 1_000;

    public long Last => Interlocked.Read(ref _last);

    public long Next() => Interlocked.Increment(ref _last);
}

/// <summary>The objects of one kind and the history of their changes, as an API server keeps them. Any thread.</summary>
public sealed partial class ApiObjects(ApiResource resource, ApiVersions versions)
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, JsonObject> _objects = new(StringComparer.Ordinal);
    private readonly List<ApiChange> _history = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _forgottenUpTo;

    public ApiResource Resource => resource;

    /// <summary>Creates or replaces, and gives it a resource version of its own.</summary>
    /// <returns>The version.</returns>
    public long Put(JsonObject written)
    {
        lock (_lock)
        {
            var stored = (JsonObject)written.DeepClone();
            JsonObject metadata = stored["metadata"]!.AsObject();
            if (resource.IsNamespaced)
            {
                metadata["namespace"] ??= "default";
            }

            string key = KeyOf(metadata);
            bool isNew = !_objects.TryGetValue(key, out JsonObject? known);
            long version = versions.Next();
            metadata["resourceVersion"] = Text(version);
            metadata["generation"] ??= known?["metadata"]!["generation"]!.GetValue<long>() ?? 1;
            metadata["uid"] ??= known?["metadata"]!["uid"]!.GetValue<string>() ?? Guid.NewGuid().ToString();
            metadata["creationTimestamp"] ??= "2026-01-02T03:04:05Z";
            metadata["managedFields"] = new JsonArray(new JsonObject { ["manager"] = "test", ["operation"] = "Update" });
            _objects[key] = stored;
            Record(new ApiChange(version, isNew ? "ADDED" : "MODIFIED", stored));
            return version;
        }
    }

    public void Delete(string @namespace, string name)
    {
        lock (_lock)
        {
            if (!_objects.Remove(@namespace.Length == 0 ? name : $"{@namespace}/{name}", out JsonObject? known))
            {
                throw new InvalidOperationException($"There is no {resource.Kind} {@namespace}/{name}.");
            }

            long version = versions.Next();
            var last = (JsonObject)known.DeepClone();
            last["metadata"]!["resourceVersion"] = Text(version);
            Record(new ApiChange(version, "DELETED", last));
        }
    }

    /// <summary>Forgets what has been, as the compaction of etcd does; a watch from before it is refused from now on.</summary>
    public void Forget(long upTo)
    {
        lock (_lock)
        {
            _forgottenUpTo = upTo;
            _history.RemoveAll(change => change.Version <= upTo);
        }
    }

    public bool Remembers(long version)
    {
        lock (_lock)
        {
            return version >= _forgottenUpTo;
        }
    }

    /// <summary>All objects, in the order of their keys, and up to where that is the truth.</summary>
    public (List<JsonObject> Items, long UpTo) List()
    {
        lock (_lock)
        {
            return ([.. _objects.Values], versions.Last);
        }
    }

    /// <summary>What happened after a version, up to where that is everything, and a task that ends when something more happens.</summary>
    public (List<ApiChange> Changes, long UpTo, Task More) Since(long version)
    {
        lock (_lock)
        {
            return ([.. _history.Where(change => change.Version > version)], versions.Last, _changed.Task);
        }
    }

    public static string Text(long version) => version.ToString(CultureInfo.InvariantCulture);

    private void Record(ApiChange change)
    {
        _history.Add(change);
        TaskCompletionSource changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    private static string KeyOf(JsonObject metadata)
    {
        string name = metadata["name"]!.GetValue<string>();
        return metadata["namespace"] is { } @namespace ? $"{@namespace.GetValue<string>()}/{name}" : name;
    }
}
