using System.Text.Json;
using System.Text.Json.Serialization;
using Mesh.Cni.Contract;

namespace Mesh.Cni;

/// <summary>What the runtime writes to a plugin's standard input, as far as this plugin looks at it.</summary>
internal sealed class NetworkConfiguration
{
    /// <summary>The longest that is read. Runtimes send a few kilobytes.</summary>
    public const int BytesMax = 1024 * 1024;

    /// <summary>The version that the runtime speaks. The specification's word for none is the first version, which had none.</summary>
    public string CniVersion { get; set; } = "0.1.0";

    /// <summary>What the runtime calls this network.</summary>
    public string Name { get; set; } = "";

    /// <summary>What the plugin before this one answered.</summary>
    public JsonElement? PrevResult { get; set; }

    /// <summary>Our own part.</summary>
    public PluginSection MeshNode { get; set; } = new(new PluginOptions(), []);

    /// <summary>GC: what is still valid.</summary>
    [JsonPropertyName("cni.dev/valid-attachments")]
    public IReadOnlyList<ValidAttachment> ValidAttachments { get; set; } = [];

    /// <summary>Reads the standard input.</summary>
    /// <exception cref="CniException">It is too long, no JSON, or not of this shape.</exception>
    public static NetworkConfiguration Read(Stream input)
    {
        byte[] text = ReadAll(input);
        try
        {
            return JsonSerializer.Deserialize(text, NetworkConfigurationJson.Default.NetworkConfiguration)
                ?? throw new CniException(CniErrorCode.Undecodable, "The network configuration is null.");
        }
        catch (JsonException malformed)
        {
            throw new CniException(CniErrorCode.Undecodable, "The network configuration cannot be read.", malformed.Message);
        }
    }

    /// <summary>The version of a VERSION's input; null where there is none that can be read, which is no error there.</summary>
    public static string? ReadVersion(Stream input)
    {
        try
        {
            return JsonSerializer.Deserialize(ReadAll(input), NetworkConfigurationJson.Default.NetworkConfiguration)?.CniVersion;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static byte[] ReadAll(Stream input)
    {
        byte[] buffer = new byte[4096];
        int filled = 0;
        while (input.Read(buffer, filled, buffer.Length - filled) is int count and > 0)
        {
            filled += count;
            if (filled > BytesMax)
            {
                throw new CniException(CniErrorCode.Undecodable, $"The network configuration is longer than {BytesMax} bytes.");
            }

            if (filled == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }
        }

        return buffer[..filled];
    }
}

/// <summary>An attachment as the runtime writes it.</summary>
internal sealed class ValidAttachment
{
    [JsonPropertyName("containerID")]
    public required string ContainerId { get; init; }

    [JsonPropertyName("ifname")]
    public required string InterfaceName { get; init; }
}

/// <summary>Reads without reflection. Keys that are other plugins' or the runtime's are passed over.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    AllowDuplicateProperties = false,
    MaxDepth = 32)]
[JsonSerializable(typeof(NetworkConfiguration))]
internal sealed partial class NetworkConfigurationJson : JsonSerializerContext;
