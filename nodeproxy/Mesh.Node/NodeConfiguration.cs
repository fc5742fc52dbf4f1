using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mesh.Node.Capture;
using Mesh.Node.Proxy;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;

namespace Mesh.Node;

/// <summary>
/// The node's configuration file: one JSON object, one section per concern. A key nobody knows is an error, for it is a typo.
/// </summary>
/// <remarks>
/// Members with a default have setters, here and in every section: the source-generated reader sets an init-only member that the file
/// leaves out to zero or null, whatever its initialiser says.
/// </remarks>
internal sealed class NodeConfiguration
{
    /// <summary>Who this node is.</summary>
    public NodeSection Node { get; set; } = new();

    /// <summary>Where the control plane is. The proxy needs it, the agent does not.</summary>
    public ControlPlaneOptions? ControlPlane { get; set; }

    /// <summary>Where agent and proxy meet.</summary>
    public HandoverOptions Handover { get; set; } = new();

    /// <summary>What is captured, and how.</summary>
    public CaptureOptions Capture { get; set; } = new();

    /// <summary>Which pods the agent captures.</summary>
    public PodSourceOptions Pods { get; set; } = new();

    /// <summary>Where the agent learns which pods of its node belong to the mesh.</summary>
    public KubernetesOptions Kubernetes { get; set; } = new();

    /// <summary>How new pods are captured before they start.</summary>
    public CniOptions Cni { get; set; } = new();

    /// <summary>Where the proxy can be looked at.</summary>
    public AdminOptions Admin { get; set; } = new();

    /// <summary>What the data plane is held to.</summary>
    public ProxyOptions Proxy { get; set; } = new();

    /// <summary>How the log is written.</summary>
    public LogOptions Log { get; set; } = new();

    /// <summary>What is measured and where it goes.</summary>
    public TelemetryOptions Telemetry { get; set; } = new();

    /// <summary>
    /// What it was read from, without the comments and surplus commas that JSON knows nothing of. Holds no secret: files that do are named
    /// in it.
    /// </summary>
    [JsonIgnore]
    public string SourceJson { get; private set; } = "{}";

    /// <summary>The file it was read from.</summary>
    [JsonIgnore]
    public string SourceFile { get; private set; } = "";

    /// <summary>Reads a file.</summary>
    /// <exception cref="NodeConfigurationException">It cannot be read, is no JSON of this shape, or a value is out of range.</exception>
    public static NodeConfiguration Read(string file)
    {
        string text;
        try
        {
            text = File.ReadAllText(file);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new NodeConfigurationException($"{file}: {unreadable.Message}", unreadable);
        }

        try
        {
            NodeConfiguration read = JsonSerializer.Deserialize(text, NodeConfigurationJson.Default.NodeConfiguration)
                ?? throw new NodeConfigurationException($"{file}: the file holds null in place of an object.");
            read.SourceFile = file;
            read.SourceJson = PlainJsonOf(text);
            read.Node.FillFrom(Environment.GetEnvironmentVariable);
            string[] problems = [.. ConfigurationCheck.Problems(read)];
            return problems.Length == 0 ? read : throw new NodeConfigurationException($"{file}: {string.Join("; ", problems)}.");
        }
        catch (JsonException malformed)
        {
            throw new NodeConfigurationException(Explain(file, malformed), malformed);
        }
    }

    private static string PlainJsonOf(string text)
    {
        using JsonDocument document = JsonDocument.Parse(
            text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        var plain = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(plain))
        {
            document.RootElement.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(plain.WrittenSpan);
    }

    /// <summary>
    /// The reader's complaint in the words of the file. Of what stands inside a section the reader knows the key but not the line, because
    /// it reads sections a second time.
    /// </summary>
    private static string Explain(string file, JsonException malformed)
    {
        string message = malformed.Message.Split(" Path: ")[0];
        if (malformed.Path is null or "$")
        {
            return malformed.LineNumber is long line ? $"{file}:{line + 1}: {message}" : $"{file}: {message}";
        }

        string key = malformed.Path[2..];
        return message.Contains("could not be mapped", StringComparison.Ordinal)
            ? $"{file}: {key}: there is no such key."
            : $"{file}: {key}: {message}";
    }
}

/// <summary>Who this node is. Section <c>node</c>.</summary>
internal sealed class NodeSection
{
    /// <summary>Says the name where the file does not: one file may serve many nodes.</summary>
    public const string NameVariable = "MESH_NODE_NAME";

    /// <summary>Says the addresses where the file does not, separated by commas.</summary>
    public const string AddressesVariable = "MESH_NODE_ADDRESSES";

    /// <summary>The node's name, as the control plane knows it; empty for that of the environment.</summary>
    public string Name { get; set; } = "";

    /// <summary>The cluster it is in.</summary>
    public string Cluster { get; set; } = "Kubernetes";

    /// <summary>The network its workloads are in; empty is the default network.</summary>
    public string Network { get; set; } = "";

    /// <summary>The node's own addresses, from which probes come.</summary>
    public IReadOnlyList<string> Addresses { get; set; } = [];

    internal void FillFrom(Func<string, string?> environment)
    {
        if (Name.Length == 0)
        {
            Name = environment(NameVariable) ?? "";
        }

        if (Addresses.Count == 0 && environment(AddressesVariable) is { } addresses)
        {
            Addresses = addresses.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    UseStringEnumConverter = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(NodeConfiguration))]
internal sealed partial class NodeConfigurationJson : JsonSerializerContext;
