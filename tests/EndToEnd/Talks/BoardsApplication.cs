using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Microsoft.AspNetCore.Http;

namespace Mesh.EndToEnd.Talks;

/// <summary>
/// The application of the second talk, namespace boards: app-ui asks boards, which asks mongodb, and userprofile, of which there are three
/// versions. Each pod has an account of its own. app-ui, mongodb and the first version are on the first node, all else on the second.
/// </summary>
internal sealed class BoardsApplication : IAsyncDisposable
{
    public const int Port = 8080;
    private const int DatabasePort = 27017;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly MeshLab _lab;
    private readonly List<IAsyncDisposable> _parts = [];
    private readonly WebServer?[] _profiles = new WebServer?[4];
    private readonly string[] _profilePods = ["", "userprofile-1", "userprofile-2", "userprofile-3"];
    private int _generation;

    private BoardsApplication(MeshLab lab) => _lab = lab;

    public static string Manifests { get; } =
        """
        apiVersion: v1
        kind: Namespace
        metadata: {name: boards, labels: {istio.io/dataplane-mode: ambient}}
        ---

        """
        + Service("app-ui", "http", Port)
        + Service("boards", "http", Port)
        + Service("context-scraper", "http", Port)
        + Service("userprofile", "http", Port)
        + Service("mongodb", "mongo", DatabasePort)
        + Pod("app-ui", "app-ui", "1.0", node: 1)
        + Pod("boards", "boards", "1.0", node: 2)
        + Pod("mongodb", "mongodb", "1.0", node: 1)
        + Pod("userprofile-1", "userprofile", "1.0", node: 1)
        + Pod("userprofile-2", "userprofile", "2.0", node: 2)
        + Pod("userprofile-3", "userprofile", "3.0", node: 2);

    /// <summary>How long the second version takes to answer, beside what it takes anyway.</summary>
    public TimeSpan SecondVersionDelay { get; set; }

    /// <summary>How many requests a version's server has had, the one that runs now.</summary>
    /// <param name="version">1 to 3.</param>
    public long Requests(int version) => _profiles[version]!.Requests;

    /// <summary>The pod that has a version now.</summary>
    public string ProfilePod(int version) => _profilePods[version];

    public static async Task<BoardsApplication> StartAsync(MeshLab lab)
    {
        var application = new BoardsApplication(lab);
        LabPod ui = await lab.PodAsync("boards/app-ui");
        LabPod boards = await lab.PodAsync("boards/boards");
        IPEndPoint database = new(IPAddress.Parse(await lab.AddressAsync("mongodb")), DatabasePort);
        application._parts.Add(await EchoServer.StartAsync(await lab.PodAsync("boards/mongodb"), DatabasePort));
        application._parts.Add(await WebServer.StartAsync(boards, Port, async context =>
        {
            using Socket connection = await boards.ConnectAsync(database, context.RequestAborted);
            await context.Response.WriteAsync(await connection.EchoAsync("items"));
        }));
        for (int version = 1; version <= 3; version++)
        {
            await application.StartProfileAsync(version);
        }

        HttpClient http = ui.Http(s_limit);
        string[] asked = [await application.UrlAsync("boards", "/shareditems"), await application.UrlAsync("userprofile", "/profile")];
        application._parts.Add(await WebServer.StartAsync(ui, Port, async context =>
        {
            foreach (string url in asked)
            {
                await context.Response.WriteAsync(await http.GetStringAsync(url, context.RequestAborted) + " ");
            }
        }));
        return application;
    }

    /// <summary>The URL of one of its services.</summary>
    public async Task<string> UrlAsync(string service, string path)
    {
        string address = await _lab.AddressAsync(service);
        return string.Create(CultureInfo.InvariantCulture, $"http://{address}:{Port}{path}");
    }

    /// <summary>A version's program is gone at once, with its connections; its pod is still there.</summary>
    public async Task KillProfileAsync(int version)
    {
        await _profiles[version]!.DisposeAsync();
        _profiles[version] = null;
    }

    /// <summary>The pod of a version whose program is gone goes, and nothing comes in its place.</summary>
    public Task DeleteProfilePodAsync(int version) => _lab.DeleteAsync("Pod", $"boards/{_profilePods[version]}");

    /// <summary>A new pod comes in the place of one that has gone, under a name of its own as pods of a Deployment do.</summary>
    public async Task ReplaceProfilePodAsync(int version)
    {
        _profilePods[version] = string.Create(CultureInfo.InvariantCulture, $"userprofile-{version}-{++_generation}");
        string label = string.Create(CultureInfo.InvariantCulture, $"{version}.0");
        await _lab.ApplyAsync(Pod(_profilePods[version], "userprofile", label, node: 2));
        await _lab.WaitUntilReadyAsync(s_limit);
        await StartProfileAsync(version);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable part in _parts.Concat(_profiles.OfType<IAsyncDisposable>()))
        {
            await part.DisposeAsync();
        }
    }

    private static string Service(string name, string portName, int port) =>
        $$"""
        apiVersion: v1
        kind: Service
        metadata: {name: {{name}}, namespace: boards}
        spec: {selector: {app: {{name}}}, ports: [{name: {{portName}}, port: {{port}}}]}
        ---

        """;

    private static string Pod(string name, string app, string version, int node) =>
        $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{name}}, namespace: boards, labels: {app: {{app}}, version: "{{version}}"} }
        spec: {nodeName: node-{{node}}, serviceAccountName: {{app}}, containers: [{name: main}]}
        ---

        """;

    private async Task StartProfileAsync(int version) =>
        _profiles[version] = await WebServer.StartAsync(await _lab.PodAsync($"boards/{_profilePods[version]}"), Port, async context =>
        {
            if (version == 2 && SecondVersionDelay > TimeSpan.Zero)
            {
                await Task.Delay(SecondVersionDelay, TimeProvider.System, context.RequestAborted);
            }

            await context.Response.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"v{version}"));
        });
}
