using System.Text.Json.Nodes;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli.Output;

/// <summary>What a kind is about, in a few words: the columns that people know of it.</summary>
internal static class Columns
{
    private static readonly Dictionary<string, string[]> s_fields = new(StringComparer.Ordinal)
    {
        ["VirtualService"] = ["gateways", "hosts"],
        ["DestinationRule"] = ["host"],
        ["ServiceEntry"] = ["hosts", "location", "resolution"],
        ["WorkloadEntry"] = ["address"],
        ["AuthorizationPolicy"] = ["action"],
        ["HTTPRoute"] = ["hostnames"],
        ["GRPCRoute"] = ["hostnames"],
        ["TLSRoute"] = ["hostnames"],
    };

    public static string Of(RawObject source)
    {
        JsonNode? spec = RawJson.Of(source.Fields.Find("spec"));
        if (source.Key.Kind == "PeerAuthentication")
        {
            return TextOf((spec as JsonObject)?["mtls"] is JsonObject tls ? tls["mode"] : null);
        }

        return s_fields.TryGetValue(source.Key.Kind, out string[]? fields) && spec is JsonObject known
            ? string.Join(' ', fields.Select(field => TextOf(known[field])).Where(text => text.Length > 0))
            : string.Empty;
    }

    private static string TextOf(JsonNode? node) => node switch
    {
        null => string.Empty,
        JsonArray list => $"[{string.Join(',', list.Select(TextOf))}]",
        _ => node.ToString(),
    };
}
