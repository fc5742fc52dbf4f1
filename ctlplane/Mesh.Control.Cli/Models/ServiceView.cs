using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Mesh.Control.Analysis;
using Mesh.Control.Cli.Output;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Cli.Models;

/// <summary>What a configuration says of each service, as lines that can be compared.</summary>
internal static class ServiceView
{
    /// <summary>Service, as <c>namespace/host</c>, to what is said: path of the value to the value.</summary>
    public static SortedDictionary<string, SortedDictionary<string, string>> Of(
        ImmutableArray<RawObject> objects, TranslationOptions options)
    {
        MeshModel model = new MeshTranslator(options).Translate(objects).Model;
        ILookup<ServiceKey, ServiceTraffic> traffic = model.Traffic.ToLookup(entry => entry.Service);
        ILookup<ServiceKey, Workload> endpoints = model.Namespaces.Values.SelectMany(space => space.Workloads)
            .SelectMany(workload => workload.Services.Select(service => (service.Service, Workload: workload)))
            .ToLookup(pair => pair.Service, pair => pair.Workload);
        var views = new SortedDictionary<string, SortedDictionary<string, string>>(StringComparer.Ordinal);
        foreach (Service service in model.Namespaces.Values.SelectMany(space => space.Services))
        {
            var lines = new SortedDictionary<string, string>(StringComparer.Ordinal);
            Flatten(lines, "service", ModelJson.Of(service));
            foreach (ServiceTraffic entry in traffic[service.Key])
            {
                Flatten(lines, "traffic", ModelJson.Of(entry.Scopes));
            }

            foreach (Workload workload in endpoints[service.Key])
            {
                Flatten(lines, $"endpoints.{workload.Name}", ModelJson.Of(workload.Services.First(own => own.Service == service.Key)));
            }

            views[service.Key.ToString()] = lines;
        }

        AddPolicies(views, new Relations(objects, options));
        return views;
    }

    /// <summary>Policies by their objects: they hold for pods that have no address yet, and for those that are only to be made.</summary>
    private static void AddPolicies(SortedDictionary<string, SortedDictionary<string, string>> views, Relations relations)
    {
        foreach ((string host, RawObject source) in relations.Services)
        {
            if (views.TryGetValue($"{source.Key.Namespace}/{host}", out SortedDictionary<string, string>? lines))
            {
                foreach (Relation relation in relations.OfService(host, source).Where(IsPolicy))
                {
                    string name = relation.Source.Key.ToString();
                    lines[name] = "present";
                    Flatten(lines, $"{name} spec", RawJson.Of(relation.Source.Fields.Find("spec")));
                }
            }
        }
    }

    private static bool IsPolicy(Relation relation) => relation.Role is not ("routes" or "destination" or "workload");

    private static void Flatten(SortedDictionary<string, string> lines, string path, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject fields:
                foreach ((string key, JsonNode? value) in fields)
                {
                    Flatten(lines, $"{path}.{key}", value);
                }

                break;
            case JsonArray items:
                for (int index = 0; index < items.Count; index++)
                {
                    Flatten(lines, $"{path}[{index}]", items[index]);
                }

                break;
            case not null:
                lines[path] = node.ToJsonString();
                break;
        }
    }
}
