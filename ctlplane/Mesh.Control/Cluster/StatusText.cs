using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Mesh.Control.Model.Status;

namespace Mesh.Control.Cluster;

/// <summary>
/// Puts what is ours into a status and leaves what is others' as it is. A condition that says the same keeps the time since when it has.
/// Pure.
/// </summary>
internal static class StatusText
{
    /// <summary>The status an object is to have.</summary>
    /// <param name="present">The one it has; null for none.</param>
    /// <param name="wanted">What it is to be told.</param>
    /// <param name="now">The time.</param>
    public static JsonObject? Apply(JsonObject? present, WantedStatus wanted, DateTimeOffset now)
    {
        if (wanted.Parents is { } parents)
        {
            return ApplyParents(present, parents, wanted.Generation, now);
        }

        JsonObject status = (JsonObject?)present?.DeepClone() ?? [];
        foreach (StatusCondition condition in wanted.Conditions.Where(condition => !IsOfOthers(present, condition.Type)))
        {
            status["conditions"] = Merge(status["conditions"] as JsonArray, condition, wanted.Generation, now);
        }

        if (wanted.Messages is { } messages)
        {
            ApplyMessages(status, messages);

            // It says which generation Reconciled is about, so it is of whom that is of.
            if (wanted.Generation > 0 && !IsOfOthers(present, WantedStatus.Reconciled))
            {
                status["observedGeneration"] = wanted.Generation;
            }
        }

        return status;
    }

    /// <summary>Whether somebody else says whether the object is in force, so that it is not ours to say.</summary>
    private static bool IsOfOthers(JsonObject? present, string type) => type == WantedStatus.Reconciled
        && present?["conditions"] is JsonArray conditions
        && conditions.Any(known => known?["type"]?.GetValue<string>() == type
            && known["reason"]?.GetValue<string>() is not (WantedStatus.InForce or WantedStatus.NotInForce));

    private static void ApplyMessages(JsonObject status, ImmutableArray<ValidationMessage> messages)
    {
        var next = new JsonArray();
        foreach (JsonNode? known in status["validationMessages"] as JsonArray ?? [])
        {
            if (known?["documentationUrl"]?.GetValue<string>() is not { } address || !ValidationMessage.IsOurs(address))
            {
                next.Add(known?.DeepClone());
            }
        }

        foreach (ValidationMessage message in messages)
        {
            next.Add(new JsonObject
            {
                ["type"] = new JsonObject { ["code"] = message.Code, ["name"] = message.Name },
                ["level"] = message.Level,
                ["documentationUrl"] = message.DocumentationUrl,
            });
        }

        if (next.Count > 0)
        {
            status["validationMessages"] = next;
        }
        else
        {
            status.Remove("validationMessages");
        }
    }

    private static JsonObject? ApplyParents(
        JsonObject? present, ImmutableArray<ParentStatus> parents, long generation, DateTimeOffset now)
    {
        JsonArray known = present?["parents"] as JsonArray ?? [];
        if (parents.IsEmpty && !known.Any(IsOurs))
        {
            return present;
        }

        // Entries keep their places: others may look at them.
        var next = new JsonArray();
        List<ParentStatus> left = [.. parents];
        foreach (JsonNode? entry in known)
        {
            if (!IsOurs(entry))
            {
                next.Add(entry?.DeepClone());
            }
            else if (left.Find(parent => JsonNode.DeepEquals(entry!["parentRef"], ReferenceOf(parent.Parent))) is { } parent)
            {
                left.Remove(parent);
                next.Add(EntryOf(parent, entry!["conditions"] as JsonArray, generation, now));
            }
        }

        left.ForEach(parent => next.Add(EntryOf(parent, before: null, generation, now)));
        JsonObject status = (JsonObject?)present?.DeepClone() ?? [];
        status["parents"] = next;
        return status;
    }

    private static JsonObject EntryOf(ParentStatus parent, JsonArray? before, long generation, DateTimeOffset now) => new()
    {
        ["parentRef"] = ReferenceOf(parent.Parent),
        ["controllerName"] = ObjectStatus.ControllerName,
        ["conditions"] = new JsonArray([.. parent.Conditions.Select(condition => TextOf(condition, before, generation, now))]),
    };

    private static bool IsOurs(JsonNode? entry) => entry?["controllerName"]?.GetValue<string>() == ObjectStatus.ControllerName;

    private static JsonObject ReferenceOf(ParentReference parent)
    {
        var reference = new JsonObject();
        Add(reference, "group", parent.Group);
        Add(reference, "kind", parent.Kind);
        Add(reference, "namespace", parent.Namespace);
        Add(reference, "name", parent.Name);
        Add(reference, "sectionName", parent.SectionName);
        if (parent.Port is { } port)
        {
            reference["port"] = port;
        }

        return reference;
    }

    private static void Add(JsonObject reference, string name, string? text)
    {
        if (text is not null)
        {
            reference[name] = text;
        }
    }

    /// <summary>Ours among those of others, in its place.</summary>
    private static JsonArray Merge(JsonArray? present, StatusCondition ours, long generation, DateTimeOffset now)
    {
        JsonObject text = TextOf(ours, present, generation, now);
        var next = new JsonArray();
        bool isPlaced = false;
        foreach (JsonNode? known in present ?? [])
        {
            if (known?["type"]?.GetValue<string>() != ours.Type)
            {
                next.Add(known?.DeepClone());
            }
            else if (!isPlaced)
            {
                next.Add(text);
                isPlaced = true;
            }
        }

        if (!isPlaced)
        {
            next.Add(text);
        }

        return next;
    }

    private static JsonObject TextOf(StatusCondition condition, JsonArray? present, long generation, DateTimeOffset now)
    {
        string status = condition.IsTrue ? "True" : "False";
        JsonNode? before = (present ?? []).FirstOrDefault(known => known?["type"]?.GetValue<string>() == condition.Type);
        string since = before?["status"]?.GetValue<string>() == status && before["lastTransitionTime"]?.GetValue<string>() is { } kept
            ? kept
            : now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        return new JsonObject
        {
            ["type"] = condition.Type,
            ["status"] = status,
            ["observedGeneration"] = condition.ObservedGeneration ?? generation,
            ["lastTransitionTime"] = since,
            ["reason"] = condition.Reason,
            ["message"] = condition.Message,
        };
    }
}
