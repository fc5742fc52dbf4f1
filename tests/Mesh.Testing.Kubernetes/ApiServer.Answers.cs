using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Mesh.Testing.Kubernetes;

/// <summary>What is answered to whom: discovery, lists, watches.</summary>
public sealed partial class ApiServer
{
    private async Task AnswerAsync(HttpContext context)
    {
        string target = context.Request.Path + context.Request.QueryString;
        Requests.Enqueue(target);
        Protocols[context.Request.Protocol] = true;
        if (TakeFault(target) is { } answer)
        {
            await answer(context);
            return;
        }

        if (context.Request.Headers.Authorization != "Bearer the-token")
        {
            await FailAsync(context, 401, "Unauthorized", "Unauthorized");
            return;
        }

        string[] parts = context.Request.Path.Value!.Trim('/').Split('/');
        (string group, string version, string[] rest) = parts switch
        {
            ["api", var core, .. var below] => (string.Empty, core, below),
            ["apis", var named] => (named, string.Empty, []),
            ["apis", var named, var of, .. var below] => (named, of, below),
            _ => (string.Empty, string.Empty, []),
        };
        if (version.Length == 0)
        {
            await DiscoverGroupAsync(context, group);
        }
        else if (rest.Length == 0)
        {
            await DiscoverAsync(context, group, version);
        }
        else if (ApiPath.Of(rest) is not { } path)
        {
            await NotFoundAsync(context);
        }
        else if (group == "authentication.k8s.io" && path.Plural == "tokenreviews")
        {
            await ReviewAsync(context);
        }
        else if (!_objects.TryGetValue(Id(group, version, path.Plural), out ApiObjects? objects))
        {
            await NotFoundAsync(context);
        }
        else if (path.Name.Length > 0 || context.Request.Method != "GET")
        {
            await AnswerOneAsync(context, objects, path);
        }
        else if (context.Request.Query["watch"] is ["true" or "1"])
        {
            await WatchAsync(context, objects, path.Namespace);
        }
        else
        {
            await ListAsync(context, objects, path.Namespace);
        }
    }

    /// <summary>Whether an object lies where it is asked for and has what is asked of its fields.</summary>
    private static bool IsAskedFor(HttpContext context, string @namespace, JsonObject stored)
    {
        string[] selector = context.Request.Query["fieldSelector"].ToString().Split('=', 2);
        return (@namespace.Length == 0 || stored["metadata"]!["namespace"]?.GetValue<string>() == @namespace)
            && (selector.Length < 2
                || selector[0].Split('.').Aggregate((JsonNode?)stored, (node, name) => node?[name])?.GetValue<string>() == selector[1]);
    }

    private void Add(ApiFault fault)
    {
        lock (_lock)
        {
            _faults.Add(fault);
        }
    }

    private Func<HttpContext, Task>? TakeFault(string target)
    {
        lock (_lock)
        {
            _faults.RemoveAll(fault => fault.Lasts?.Invoke() == false);
            if (_faults.Find(fault => fault.Matches(target)) is not { } found)
            {
                return null;
            }

            if (found.Lasts is null)
            {
                _faults.Remove(found);
            }

            return found.Answer;
        }
    }

    private Task DiscoverGroupAsync(HttpContext context, string group)
    {
        List<string> versions = [.. _objects.Values.Select(objects => objects.Resource)
            .Where(resource => resource.Group == group).Select(resource => resource.Version).Distinct()];
        return group.Length == 0 || versions.Count == 0 ? NotFoundAsync(context) : WriteAsync(context, new JsonObject
        {
            ["kind"] = "APIGroup",
            ["apiVersion"] = "v1",
            ["name"] = group,
            ["versions"] = new JsonArray([.. versions.Select(version => Version(group, version))]),
            ["preferredVersion"] = Version(group, versions[0]),
        });
    }

    private static JsonObject Version(string group, string version) =>
        new() { ["groupVersion"] = $"{group}/{version}", ["version"] = version };

    private Task DiscoverAsync(HttpContext context, string group, string version)
    {
        List<ApiResource> served = [.. _objects.Values.Select(objects => objects.Resource)
            .Where(resource => resource.Group == group && resource.Version == version)];
        if (served.Count == 0)
        {
            return NotFoundAsync(context);
        }

        return WriteAsync(context, new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = served[0].ApiVersion,
            ["resources"] = new JsonArray([.. served.Select(resource => new JsonObject
            {
                ["name"] = resource.Plural,
                ["namespaced"] = resource.IsNamespaced,
                ["kind"] = resource.Kind,
                ["verbs"] = new JsonArray("get", "list", "watch"),
            })]),
        });
    }

    /// <summary>A page, of the state at the time of the first.</summary>
    private Task ListAsync(HttpContext context, ApiObjects objects, string @namespace)
    {
        string asked = context.Request.Query["limit"].ToString();
        int limit = asked.Length == 0 ? 0 : int.Parse(asked, CultureInfo.InvariantCulture);
        string token = context.Request.Query["continue"].ToString();
        (List<JsonObject> Items, long UpTo) list;
        if (token.Length == 0)
        {
            list = objects.List();
            list.Items.RemoveAll(stored => !IsAskedFor(context, @namespace, stored));
        }
        else if (!_lists.TryRemove(token, out list))
        {
            return FailAsync(context, 410, "Expired", "The provided continue parameter is too old to display a consistent list result.");
        }

        List<JsonObject> page = limit == 0 ? list.Items : [.. list.Items.Take(limit)];
        var metadata = new JsonObject { ["resourceVersion"] = ApiObjects.Text(list.UpTo) };
        if (page.Count < list.Items.Count)
        {
            string next = Guid.NewGuid().ToString();
            _lists[next] = ([.. list.Items.Skip(page.Count)], list.UpTo);
            metadata["continue"] = next;
            metadata["remainingItemCount"] = list.Items.Count - page.Count;
        }

        return WriteAsync(context, new JsonObject
        {
            ["kind"] = $"{objects.Resource.Kind}List",
            ["apiVersion"] = objects.Resource.ApiVersion,
            ["metadata"] = metadata,
            ["items"] = new JsonArray([.. page.Select(Listed)]),
        });
    }

    /// <summary>Items of a list of built-in kinds do not say what they are.</summary>
    private static JsonObject Listed(JsonObject stored)
    {
        var item = (JsonObject)stored.DeepClone();
        item.Remove("kind");
        item.Remove("apiVersion");
        return item;
    }

    private async Task WatchAsync(HttpContext context, ApiObjects objects, string @namespace)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _connections.Token);
        long version = long.Parse(context.Request.Query["resourceVersion"].ToString(), CultureInfo.InvariantCulture);
        int seconds = int.Parse(context.Request.Query["timeoutSeconds"].ToString(), CultureInfo.InvariantCulture);
        bool wantsBookmarks = context.Request.Query["allowWatchBookmarks"] == "true";
        context.Response.ContentType = "application/json";
        await context.Response.Body.FlushAsync(ended.Token);
        if (!objects.Remembers(version))
        {
            string message = $"too old resource version: {version} ({_versions.Last})";
            await SendAsync(context, "ERROR", Status(410, "Expired", message), ended.Token);
            return;
        }

        long start = TimeProvider.System.GetTimestamp();
        try
        {
            while (TimeProvider.System.GetElapsedTime(start).TotalSeconds < seconds)
            {
                (List<ApiChange> changes, long upTo, Task more) = objects.Since(version);
                foreach (ApiChange change in changes)
                {
                    if (IsAskedFor(context, @namespace, change.Object))
                    {
                        await SendAsync(context, change.Type, change.Object, ended.Token);
                    }

                    version = change.Version;
                }

                await Task.WhenAny(more, Task.Delay(BookmarkInterval, TimeProvider.System, ended.Token));
                ended.Token.ThrowIfCancellationRequested();
                if (wantsBookmarks && !more.IsCompleted)
                {
                    version = upTo;
                    await SendAsync(context, "BOOKMARK", Bookmark(objects.Resource, version), ended.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            context.Abort();
        }
    }

    private static JsonObject Bookmark(ApiResource resource, long version) => new()
    {
        ["kind"] = resource.Kind,
        ["apiVersion"] = resource.ApiVersion,
        ["metadata"] = new JsonObject { ["resourceVersion"] = ApiObjects.Text(version), ["creationTimestamp"] = null },
    };

    private static async Task SendAsync(HttpContext context, string type, JsonObject about, CancellationToken cancellation)
    {
        var line = new JsonObject { ["type"] = type, ["object"] = about.DeepClone() };
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(line.ToJsonString() + "\n"), cancellation);
        await context.Response.Body.FlushAsync(cancellation);
    }

    private static Task NotFoundAsync(HttpContext context)
    {
        context.Response.StatusCode = 404;
        return context.Response.WriteAsync("404 page not found\n");
    }

    private static Task WriteAsync(HttpContext context, JsonObject answer)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(answer.ToJsonString());
    }
}
