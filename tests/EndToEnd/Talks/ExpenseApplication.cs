using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Microsoft.AspNetCore.Http;

namespace Mesh.EndToEnd.Talks;

/// <summary>
/// The application of the first talk, in namespace mesh: an API gateway that belongs to nobody of the mesh asks report, which asks expense,
/// of which there are two builds, each a service of its own; and a database. expense is on the other node than report, expense-v2 on
/// report's.
/// </summary>
internal sealed class ExpenseApplication : IAsyncDisposable
{
    public const int Port = 8080;
    public const int DatabasePort = 3306;

    /// <summary>The field a gateway adds to what it passes on.</summary>
    public const string GatewayField = "x-gateway-request-id";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly List<IAsyncDisposable> _parts = [];
    private WebServer? _first;
    private WebServer? _second;

    private ExpenseApplication()
    {
    }

    public static string Manifests { get; } =
        Service("report", "http", Port)
        + Service("expense", "http", Port)
        + Service("expense-v2", "http", Port)
        + Service("expense-db", "mysql", DatabasePort)
        + Pod("report", node: 1)
        + Pod("expense", node: 2)
        + Pod("expense-v2", node: 1)
        + Pod("expense-db", node: 2)
        + Pod("kong", node: 2, "annotations: {ambient.istio.io/bypass-inbound-capture: \"true\"}");

    public WebServer First => _first!;

    public WebServer Second => _second!;

    /// <summary>What expense-v2 answers with.</summary>
    public int SecondStatus { get; set; } = StatusCodes.Status200OK;

    /// <summary>What the application of expense has read of its last request: its fields, as they stood in plain text.</summary>
    public IReadOnlyDictionary<string, string> LastSeen { get; private set; } = new Dictionary<string, string>();

    public static async Task<ExpenseApplication> StartAsync(MeshLab lab)
    {
        var application = new ExpenseApplication();
        application._first = await WebServer.StartAsync(await lab.PodAsync("mesh/expense"), Port, async context =>
        {
            application.LastSeen = context.Request.Headers.ToDictionary(field => field.Key, field => field.Value.ToString());
            await context.Response.WriteAsync("java");
        });
        application._second = await WebServer.StartAsync(await lab.PodAsync("mesh/expense-v2"), Port, async context =>
        {
            context.Response.StatusCode = application.SecondStatus;
            await context.Response.WriteAsync("dotnet");
        });
        application._parts.Add(application._first);
        application._parts.Add(application._second);
        application._parts.Add(await EchoServer.StartAsync(await lab.PodAsync("mesh/expense-db"), DatabasePort));
        application._parts.Add(await WebServer.StartAsync(
            await lab.PodAsync("mesh/report"),
            Port,
            context => context.Response.WriteAsync($"report for {context.Request.Headers[GatewayField]}")));

        LabPod kong = await lab.PodAsync("mesh/kong");
        HttpClient http = kong.Http(s_limit);
        string target = await UrlAsync(lab, "report", "");
        application._parts.Add(await WebServer.StartAsync(kong, Port, async context =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, target + context.Request.Path);
            request.Headers.Add(GatewayField, "kong-1");
            request.Headers.UserAgent.Add(new ProductInfoHeaderValue("kong", "3"));
            using HttpResponseMessage answer = await http.SendAsync(request, context.RequestAborted);
            context.Response.StatusCode = (int)answer.StatusCode;
            await context.Response.WriteAsync(await answer.Content.ReadAsStringAsync(context.RequestAborted));
        }));
        return application;
    }

    /// <summary>The URL of one of its services.</summary>
    public static async Task<string> UrlAsync(MeshLab lab, string service, string path)
    {
        string address = await lab.AddressAsync(service);
        return string.Create(CultureInfo.InvariantCulture, $"http://{address}:{Port}{path}");
    }

    public static async Task<IPEndPoint> DatabaseAsync(MeshLab lab) =>
        new(IPAddress.Parse(await lab.AddressAsync("expense-db")), DatabasePort);

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable part in _parts)
        {
            await part.DisposeAsync();
        }
    }

    private static string Service(string name, string portName, int port) =>
        $$"""
        apiVersion: v1
        kind: Service
        metadata: {name: {{name}}, namespace: mesh}
        spec: {selector: {app: {{name}}}, ports: [{name: {{portName}}, port: {{port}}}]}
        ---

        """;

    private static string Pod(string name, int node, string more = "annotations: {}") =>
        $$"""
        apiVersion: v1
        kind: Pod
        metadata:
          name: {{name}}
          namespace: mesh
          labels: {app: {{name}}}
          {{more}}
        spec: {nodeName: node-{{node}}, serviceAccountName: {{name}}, containers: [{name: main}]}
        ---

        """;
}
