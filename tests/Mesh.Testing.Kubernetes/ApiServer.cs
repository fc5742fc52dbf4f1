using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace Mesh.Testing.Kubernetes;

/// <summary>
/// What a control plane needs of an API server of Kubernetes, in this process: discovery, lists in pages, watches with bookmarks, a history
/// that is forgotten, definitions that come and go; and everything that goes wrong with a real one, when a test asks for it.
/// </summary>
public sealed partial class ApiServer : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, ApiObjects> _objects = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (List<JsonObject> Items, long UpTo)> _lists = new();
    private readonly List<ApiFault> _faults = [];
    private readonly ApiVersions _versions = new();
    private readonly Lock _lock = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("mesh-api-").FullName;
    private CancellationTokenSource _connections = new();
    private WebApplication? _application;
    private volatile bool _isPaused;
    private readonly ApiCertificate? _certificate;
    private readonly ApiCertificate? _trusted;
    private string _address;

    private ApiServer(ApiCertificate? certificate, ApiCertificate? trusted)
    {
        _certificate = certificate;
        _trusted = trusted;
        _address = $"{(certificate is null ? "http" : "https")}://127.0.0.1:0";
        foreach (ApiResource resource in ApiResource.BuiltIn)
        {
            Define(resource);
        }
    }

    /// <summary>How often a watch that asked for them is told how far it has come.</summary>
    public TimeSpan BookmarkInterval { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The tokens of service accounts that are good, and what is said of them.</summary>
    public ConcurrentDictionary<string, ApiToken> Tokens { get; } = new(StringComparer.Ordinal);

    /// <summary>Every request's path and query, in order.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>The versions of HTTP that requests came in.</summary>
    public ConcurrentDictionary<string, bool> Protocols { get; } = new(StringComparer.Ordinal);

    public string Address => _address;

    /// <summary>A kubeconfig that leads here.</summary>
    public string Kubeconfig
    {
        get
        {
            string path = Path.Combine(_directory, "kubeconfig");
            File.WriteAllText(path, $$"""
                apiVersion: v1
                kind: Config
                current-context: test
                contexts:
                - name: test
                  context:
                    cluster: test
                    user: test
                clusters:
                - name: test
                  cluster:
                    server: {{_address}}
                    {{Trust()}}
                users:
                - name: test
                  user:
                    token: the-token
                """);
            return path;
        }
    }

    /// <param name="certificate">What it serves with; null for no TLS.</param>
    /// <param name="trusted">Whose root the kubeconfig names; null for the same.</param>
    public static async Task<ApiServer> StartAsync(ApiCertificate? certificate = null, ApiCertificate? trusted = null)
    {
        var server = new ApiServer(certificate, trusted ?? certificate);
        await server.BeginAsync();
        return server;
    }

    public void Define(ApiResource resource) =>
        _objects[Id(resource.Group, resource.Version, resource.Plural)] = new ApiObjects(resource, _versions);

    /// <summary>A definition and all its objects go.</summary>
    public void Undefine(ApiResource resource)
    {
        _objects.TryRemove(Id(resource.Group, resource.Version, resource.Plural), out _);
        Disconnect();
    }

    public ApiObjects Of(string kind) => _objects.Values.First(objects => objects.Resource.Kind == kind);

    /// <summary>Creates or replaces what a manifest of YAML describes.</summary>
    public void Apply(string manifests)
    {
        foreach (JsonObject manifest in YamlManifests.Read(manifests))
        {
            Of(manifest["kind"]!.GetValue<string>()).Put(manifest);
        }
    }

    public void Delete(string kind, string @namespace, string name) => Of(kind).Delete(@namespace, name);

    /// <summary>History up to now is forgotten, of every kind.</summary>
    public void Forget()
    {
        long version = _versions.Next();
        _lists.Clear();
        foreach (ApiObjects objects in _objects.Values)
        {
            objects.Forget(version);
        }
    }

    /// <summary>Breaks every connection that is open.</summary>
    public void Disconnect()
    {
        CancellationTokenSource open = Interlocked.Exchange(ref _connections, new CancellationTokenSource());
        open.Cancel();
        open.Dispose();
    }

    /// <summary>Answers the next request whose path and query satisfy a condition in another way.</summary>
    public void Fault(Func<string, bool> matches, Func<HttpContext, Task> answer) => Add(new ApiFault(matches, answer, Lasts: null));

    /// <summary>Answers every such request in another way, for as long as a condition holds.</summary>
    public void FaultWhile(Func<bool> lasts, Func<string, bool> matches, Func<HttpContext, Task> answer) =>
        Add(new ApiFault(matches, answer, lasts));

    /// <summary>Answers with a status as the API server words it.</summary>
    public static Task FailAsync(HttpContext context, int code, string reason, string message)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(Status(code, reason, message).ToJsonString());
    }

    /// <summary>Answers nobody. It goes on listening: a port that is given up may be another's when it is wanted again.</summary>
    public void Pause()
    {
        _isPaused = true;
        Disconnect();
    }

    public void Resume() => _isPaused = false;

    private async Task BeginAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var address = new Uri(_address);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Parse(address.Host), address.Port, endpoint =>
        {
            endpoint.Protocols = _certificate is null ? HttpProtocols.Http1 : HttpProtocols.Http1AndHttp2;
            if (_certificate is not null)
            {
                endpoint.UseHttps(_certificate.Server);
            }
        }));
        WebApplication application = builder.Build();
        application.Run(context =>
        {
            if (!_isPaused)
            {
                return AnswerAsync(context);
            }

            context.Abort();
            return Task.CompletedTask;
        });
        await application.StartAsync(TestContext.Current.CancellationToken);
        _address = application.Urls.First();
        _application = application;
    }

    public async ValueTask DisposeAsync()
    {
        Disconnect();
        if (_application is not null)
        {
            await _application.DisposeAsync();
        }

        _connections.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private string Trust() => _trusted is null
        ? "insecure-skip-tls-verify: false"
        : $"certificate-authority-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(_trusted.RootPem))}";

    private static string Id(string group, string version, string plural) => $"{group}/{version}/{plural}";

    private static JsonObject Status(int code, string reason, string message) => new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = "Failure",
        ["message"] = message,
        ["reason"] = reason,
        ["code"] = code,
    };
}

/// <param name="Matches">Which requests, by path and query.</param>
/// <param name="Answer">What becomes of them.</param>
/// <param name="Lasts">For how long; null for one request.</param>
public sealed record ApiFault(Func<string, bool> Matches, Func<HttpContext, Task> Answer, Func<bool>? Lasts);
