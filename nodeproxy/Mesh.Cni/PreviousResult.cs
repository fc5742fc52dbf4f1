using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Cni.Contract;

namespace Mesh.Cni;

/// <summary>The result of the plugin before this one: what it says, and how it is passed on. Pure.</summary>
internal static class PreviousResult
{
    private const int AddressesMax = 64;

    // What 1.1.0 added; an older version has no such keys (CNI specification 1.1.0, "Changes").
    private static readonly string[] s_newInterfaceKeys = ["mtu", "socketPath", "pciID"];
    private static readonly string[] s_newRouteKeys = ["mtu", "advmss", "priority", "table", "scope"];

    /// <exception cref="CniException">There is none, or it is no object.</exception>
    public static JsonElement Require(NetworkConfiguration configuration) =>
        configuration.PrevResult is { ValueKind: JsonValueKind.Object } result
            ? result
            : throw new CniException(
                CniErrorCode.InvalidConfiguration,
                "There is no prevResult: mesh-cni makes no interface and stands in a chain after a plugin that does.");

    /// <summary>The addresses it gives the container, without prefix lengths.</summary>
    /// <exception cref="CniException">They are not what the specification says.</exception>
    public static IReadOnlyList<string> AddressesOf(JsonElement result)
    {
        if (!result.TryGetProperty("ips", out JsonElement list) || list.ValueKind == JsonValueKind.Null)
        {
            return [];
        }

        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() > AddressesMax)
        {
            throw Wrong($"ips is no list, or longer than {AddressesMax}.");
        }

        return [.. list.EnumerateArray().Select(AddressOf)];
    }

    /// <summary>
    /// What is answered: byte for byte what the plugin before said where it speaks the configuration's version, otherwise that converted.
    /// </summary>
    public static string Answer(JsonElement result, string version)
    {
        string? said = result.TryGetProperty("cniVersion", out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
        if (said == version)
        {
            return result.GetRawText();
        }

        JsonObject converted = JsonNode.Parse(result.GetRawText())!.AsObject();
        converted["cniVersion"] = version;
        if (said is not null)
        {
            CniVersions.Require(said);
            Convert(converted, CniVersions.RankOf(version));
        }

        return converted.ToJsonString();
    }

    private static void Convert(JsonObject result, int rank)
    {
        // Addresses had to say their family until 1.0.0, which has no such key.
        bool saysFamily = rank < CniVersions.RankOf("1.0.0");
        foreach (JsonObject address in Objects(result, "ips"))
        {
            address.Remove("version");
            if (saysFamily && address["address"] is JsonValue text && text.TryGetValue(out string? cidr))
            {
                address["version"] = cidr.Contains(':', StringComparison.Ordinal) ? "6" : "4";
            }
        }

        if (rank < CniVersions.RankOf("1.1.0"))
        {
            RemoveKeys(result, "interfaces", s_newInterfaceKeys);
            RemoveKeys(result, "routes", s_newRouteKeys);
        }
    }

    private static void RemoveKeys(JsonObject result, string list, string[] keys)
    {
        foreach (JsonObject entry in Objects(result, list))
        {
            foreach (string key in keys)
            {
                entry.Remove(key);
            }
        }
    }

    private static IEnumerable<JsonObject> Objects(JsonObject result, string list) =>
        result[list] is JsonArray entries ? entries.OfType<JsonObject>() : [];

    private static string AddressOf(JsonElement entry)
    {
        if (entry.ValueKind == JsonValueKind.Object
            && entry.TryGetProperty("address", out JsonElement value)
            && value.ValueKind == JsonValueKind.String
            && value.GetString() is string cidr
            && IPAddress.TryParse(cidr.AsSpan(0, Math.Max(cidr.IndexOf('/', StringComparison.Ordinal), 0)), out IPAddress? address)
            && address.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)
        {
            return address.ToString();
        }

        throw Wrong("an entry of ips has no address with a prefix length.");
    }

    private static CniException Wrong(string what) => new(CniErrorCode.InvalidConfiguration, $"prevResult: {what}");
}
