using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Agent;
using Mesh.Node.Capture.Tests.Lab;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Node.Capture.Tests.Agent;

/// <summary>An agent in this process, with a directory of its own for pod files, socket and status.</summary>
internal sealed class AgentUnderTest : IAsyncDisposable
{
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public AgentUnderTest(CaptureOptions capture)
    {
        Capture = capture;
        PodDirectory = Directory.CreateDirectory(Path.Combine(Root, "pods")).FullName;
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("mesh-agent-").FullName;

    public string PodDirectory { get; }

    public CaptureOptions Capture { get; }

    public IReadOnlyList<NamedNamespaceOptions> Namespaces { get; init; } = [];

    public KubernetesOptions Kubernetes { get; init; } = new();

    public HandoverOptions Handover => new() { SocketPath = Path.Combine(Root, "run", "handover.sock") };

    /// <summary>How long a new pod waits; null where the runtime is not answered.</summary>
    public int? CniAddTimeoutSeconds { get; init; }

    public CniOptions Cni => new()
    {
        Enabled = CniAddTimeoutSeconds is not null,
        SocketPath = Path.Combine(Root, "cni", "agent.sock"),
        Installs = false,
        AddTimeoutSeconds = CniAddTimeoutSeconds ?? 1,
    };

    public NodeAgent Agent { get; private set; } = null!;

    public void Start()
    {
        _stop = new CancellationTokenSource();
        Agent = Create();
        _running = Agent.RunAsync(_stop.Token);
    }

    public NodeAgent Create() => new(
        "node-1",
        [IPAddress.Parse("10.9.0.1")],
        Capture,
        new PodSourceOptions { Directory = PodDirectory, Namespaces = Namespaces },
        Kubernetes,
        Handover,
        NullLogger.Instance,
        TimeProvider.System)
    {
        Cni = Cni,
    };

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running;
    }

    /// <summary>Writes a pod's file the way a writer should: under another name first.</summary>
    public void WritePod(string uid, NetNamespace network, IReadOnlyDictionary<string, string>? annotations = null, string? path = null)
    {
        JsonObject pod = new()
        {
            ["uid"] = uid,
            ["name"] = uid,
            ["namespace"] = "shop",
            ["serviceAccount"] = "cart",
            ["networkNamespace"] = path ?? network.DescriptorPath,
            ["addresses"] = new JsonArray("10.9.0.2", "fd09::2"),
            ["annotations"] = new JsonObject((annotations ?? new Dictionary<string, string>()).Select(entry =>
                KeyValuePair.Create<string, JsonNode?>(entry.Key, entry.Value))),
            ["probes"] = new JsonArray(new JsonObject { ["kind"] = "http", ["port"] = 8080, ["path"] = "/healthz" }),
        };
        string temporary = Path.Combine(PodDirectory, $".{uid}");
        File.WriteAllText(temporary, pod.ToJsonString());
        File.Move(temporary, FileOf(uid), overwrite: true);
    }

    public string FileOf(string uid) => Path.Combine(PodDirectory, uid + ".json");

    /// <summary>What the status file says of a pod; null while it says nothing.</summary>
    public JsonElement? StatusOf(string uid)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Agent.StatusPath));
            foreach (JsonElement pod in document.RootElement.GetProperty("pods").EnumerateArray())
            {
                if (pod.GetProperty("uid").GetString() == uid)
                {
                    return pod.Clone();
                }
            }
        }
        catch (FileNotFoundException)
        {
            // Nothing has been written yet.
        }
        catch (DirectoryNotFoundException)
        {
            // The agent has not begun.
        }

        return null;
    }

    public Task UntilAsync(string uid, string condition) => Wait.UntilAsync(
        () => StatusOf(uid)?.GetProperty("condition").GetString() == condition,
        string.Create(CultureInfo.InvariantCulture, $"pod {uid} is {condition}; the status is {StatusOf(uid)}"));

    /// <summary>Until the status says that something is wrong with the node.</summary>
    public Task UntilProblemAsync(string words) => Wait.UntilAsync(
        () => File.Exists(Agent.StatusPath) && File.ReadAllText(Agent.StatusPath).Contains(words, StringComparison.Ordinal),
        $"the status says '{words}'");

    public Task UntilGoneAsync(string uid) => Wait.UntilAsync(() => StatusOf(uid) is null, $"pod {uid} has left");

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
