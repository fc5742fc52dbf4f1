using System.Text.Json.Nodes;

namespace Mesh.Testing.Kubernetes;

/// <summary>Reading and writing one object, with the conflicts of those who write at once.</summary>
public sealed partial class ApiObjects
{
    private const string StatusPart = "status";

    public ApiAnswer Get(ApiPath path)
    {
        lock (_lock)
        {
            return _objects.TryGetValue(KeyOf(path, path.Name), out JsonObject? known) ? Said(200, known) : Missing(path.Name);
        }
    }

    public ApiAnswer Create(ApiPath path, JsonObject written)
    {
        lock (_lock)
        {
            JsonObject metadata = written["metadata"]!.AsObject();
            string name = metadata["name"]!.GetValue<string>();
            string key = KeyOf(path, name);
            if (_objects.ContainsKey(key))
            {
                return ApiAnswer.Failure(409, "AlreadyExists", $"{resource.Plural} \"{name}\" already exists");
            }

            if (resource.IsNamespaced)
            {
                metadata["namespace"] = path.Namespace;
            }

            metadata.Remove("resourceVersion");
            Put(written);
            return Said(201, _objects[key]);
        }
    }

    /// <summary>The whole, without its status, or the status alone. What says the same is no change.</summary>
    public ApiAnswer Replace(ApiPath path, JsonObject written)
    {
        lock (_lock)
        {
            if (!_objects.TryGetValue(KeyOf(path, path.Name), out JsonObject? known))
            {
                return Missing(path.Name);
            }

            string present = known["metadata"]!["resourceVersion"]!.GetValue<string>();
            if (written["metadata"]!["resourceVersion"]?.GetValue<string>() is { } based && based != present)
            {
                return ApiAnswer.Failure(
                    409,
                    "Conflict",
                    $"Operation cannot be fulfilled on {resource.Plural} \"{path.Name}\": the object has been modified; please apply your "
                        + "changes to the latest version and try again");
            }

            var next = (JsonObject)(path.Part == StatusPart ? known : written).DeepClone();
            next[StatusPart] = (path.Part == StatusPart ? written : known)[StatusPart]?.DeepClone();
            if (next[StatusPart] is null)
            {
                next.Remove(StatusPart);
            }

            foreach (string kept in new[] { "uid", "creationTimestamp", "generation", "resourceVersion", "managedFields" })
            {
                next["metadata"]![kept] = known["metadata"]![kept]?.DeepClone();
            }

            if (JsonNode.DeepEquals(next, known))
            {
                return Said(200, known);
            }

            if (!JsonNode.DeepEquals(next["spec"], known["spec"]))
            {
                next["metadata"]!["generation"] = known["metadata"]!["generation"]!.GetValue<long>() + 1;
            }

            Put(next);
            return Said(200, _objects[KeyOf(path, path.Name)]);
        }
    }

    /// <summary>
    /// A JSON merge patch (RFC 7386). Of the part <c>status</c> it takes the metadata and the status, as the API server does for pods and
    /// nodes. A uid in it is a condition. A strategic one merges lists of conditions by their type.
    /// </summary>
    public ApiAnswer Merge(ApiPath path, JsonObject patch, bool isStrategic)
    {
        lock (_lock)
        {
            if (!_objects.TryGetValue(KeyOf(path, path.Name), out JsonObject? known))
            {
                return Missing(path.Name);
            }

            if (patch["metadata"]?["uid"]?.GetValue<string>() is { } uid && known["metadata"]!["uid"]?.GetValue<string>() != uid)
            {
                return ApiAnswer.Failure(
                    409,
                    "Conflict",
                    $"Operation cannot be fulfilled on {resource.Plural} \"{path.Name}\": the UID in the precondition differs");
            }

            var next = (JsonObject)known.DeepClone();
            foreach ((string field, JsonNode? value) in patch)
            {
                if (path.Part.Length == 0 || field == "metadata" || field == path.Part)
                {
                    MergeField(next, field, value, isStrategic);
                }
            }

            Put(next);
            return Said(200, _objects[KeyOf(path, path.Name)]);
        }
    }

    private static void MergeField(JsonObject into, string field, JsonNode? value, bool isStrategic)
    {
        if (value is JsonObject changes)
        {
            if (into[field] is not JsonObject below)
            {
                into[field] = below = [];
            }

            foreach ((string name, JsonNode? changed) in changes)
            {
                MergeField(below, name, changed, isStrategic);
            }
        }
        else if (isStrategic && field == "conditions" && value is JsonArray conditions)
        {
            string[] written = [.. conditions.Select(condition => condition!["type"]!.GetValue<string>())];
            IEnumerable<JsonNode?> kept =
                into[field]?.AsArray().Where(known => !written.Contains(known!["type"]!.GetValue<string>())) ?? [];
            into[field] = new JsonArray([.. kept.Concat(conditions).Select(condition => condition!.DeepClone())]);
        }
        else if (value is null)
        {
            into.Remove(field);
        }
        else
        {
            into[field] = value.DeepClone();
        }
    }

    /// <summary>
    /// Server-side apply by one who owns all he writes: an object that is not there is created, fields of one that is are as written, lists
    /// whole, and its other fields stay. What says the same is no change.
    /// </summary>
    public ApiAnswer Apply(ApiPath path, JsonObject applied)
    {
        lock (_lock)
        {
            if (!_objects.TryGetValue(KeyOf(path, path.Name), out JsonObject? known))
            {
                return Create(path, applied);
            }

            var next = (JsonObject)known.DeepClone();
            foreach ((string field, JsonNode? value) in applied)
            {
                MergeField(next, field, value, isStrategic: false);
            }

            return Replace(path, next);
        }
    }

    public ApiAnswer Remove(ApiPath path)
    {
        lock (_lock)
        {
            if (!_objects.ContainsKey(KeyOf(path, path.Name)))
            {
                return Missing(path.Name);
            }

            Delete(path.Namespace, path.Name);
            return new ApiAnswer(200, string.Empty, string.Empty, new JsonObject { ["kind"] = "Status", ["status"] = "Success" });
        }
    }

    private ApiAnswer Missing(string name) => ApiAnswer.Failure(404, "NotFound", $"{resource.Plural} \"{name}\" not found");

    private static string KeyOf(ApiPath path, string name) => path.Namespace.Length == 0 ? name : $"{path.Namespace}/{name}";

    private ApiAnswer Said(int code, JsonObject known)
    {
        var said = (JsonObject)known.DeepClone();
        said["kind"] = resource.Kind;
        said["apiVersion"] = resource.ApiVersion;
        return new ApiAnswer(code, string.Empty, string.Empty, said);
    }
}
