using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.EndToEnd.Talks;
using Mesh.Lab;
using Mesh.Lab.Manifests;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Configuration under load. Goal: every kind of object can come, change and go while requests flow; what it says is seen within two
/// seconds, and no request fails that it does not ask to fail. Method: a steady load from one node to the other, and beside it a question
/// whose answer depends on the object.
/// </summary>
[Collection(nameof(TalkGroup))]
public sealed class ChangeTests(TalkLab fixture) : IsolatedTests(fixture)
{
    private const int RequestsPerSecond = 200;
    private const int GrpcPort = 8081;

    /// <summary>A machine may be busy for once, and not every time.</summary>
    private const int RoundsMax = 4;

    private const string Pods = """
        apiVersion: v1
        kind: Pod
        metadata: {name: change-1, namespace: mesh, labels: {app: change}}
        spec: {nodeName: node-2, serviceAccountName: server, containers: [{name: main}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: change, namespace: mesh}
        spec:
          selector: {app: change}
          ports: [{name: http, port: 80, targetPort: 8080}, {name: grpc, port: 81, targetPort: 8081}]
        ---

        """;

    private static readonly TimeSpan s_required = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_wanted = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_askLimit = TimeSpan.FromSeconds(30);

    private readonly HashSet<ObjectKey> _left = [];
    private HttpClient _http = null!;
    private string _address = "";

    public override async ValueTask DisposeAsync()
    {
        foreach (ObjectKey key in _left)
        {
            await Lab.DeleteAsync(key.Kind, key.QualifiedName);
        }

        _http?.Dispose();
        await base.DisposeAsync();
    }

    [LabFact]
    public async Task Every_kind_of_object_comes_changes_and_goes_within_two_seconds_and_no_request_fails()
    {
        await ApplyAsync(Pods);
        await ApplyAsync(Second("spare"));
        await Fixture.ReadyAsync();
        await using WebServer first = await WebServer.StartAsync(await Lab.PodAsync("mesh/change-1"), Applications.Port, Answer("v1"));
        await using WebServer second = await WebServer.StartAsync(await Lab.PodAsync("mesh/change-2"), Applications.Port, Answer("v2"));
        await using WebServer calls = await WebServer.StartAsync(
            await Lab.PodAsync("mesh/change-1"), GrpcPort, Answer("call"), HttpProtocols.Http2);
        await Fixture.SettleAsync();
        LabPod client = await Lab.PodAsync("mesh/client-1");
        _http = client.Http(s_askLimit);
        _address = await Lab.AddressAsync("change");
        using HttpClient outsider = (await Lab.PodAsync("outside/client-1")).Http(s_askLimit);
        IPAddress[] entries = [(await Lab.PodAsync("mesh/change-1")).Address4, (await Lab.PodAsync("mesh/change-2")).Address4];
        List<string> late = [];

        await using SteadyLoad load = SteadyLoad.Start(client, $"http://{_address}/", RequestsPerSecond);
        foreach (Change[] changes in Kinds(outsider, entries))
        {
            await MeasureAsync(load, changes, late);
        }

        await load.StopAsync();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{load.Answered} answered; {late.Count} changes seen later than {s_wanted.TotalMilliseconds} ms: {string.Join(", ", late)}");
        Assert.True(load.Failures.Count == 0, $"{load.Failures.Count} failed: {string.Join('\n', load.Failures.Take(10))}");
        Assert.True(load.Answered > RequestsPerSecond, $"{load.Answered} were answered.");
    }

    private IEnumerable<Change[]> Kinds(HttpClient outsider, IPAddress[] entries)
    {
        yield return
        [
            Apply("VirtualService", VirtualService("1"), () => HasFieldAsync("x-change", "1")),
            Apply("VirtualService", VirtualService("2"), () => HasFieldAsync("x-change", "2")),
            Delete("VirtualService", "mesh/change", () => HasFieldAsync("x-change", null)),
        ];
        yield return
        [
            Apply("DestinationRule", DestinationRule("one"), () => HasCookieAsync("one")),
            Apply("DestinationRule", DestinationRule("two"), () => HasCookieAsync("two")),
            Delete("DestinationRule", "mesh/change", () => HasFieldAsync("set-cookie", null)),
        ];
        yield return
        [
            Apply("HTTPRoute", HttpRoute("1"), () => HasFieldAsync("x-change", "1")),
            Apply("HTTPRoute", HttpRoute("2"), () => HasFieldAsync("x-change", "2")),
            Delete("HTTPRoute", "mesh/change", () => HasFieldAsync("x-change", null)),
        ];
        yield return
        [
            Apply("GRPCRoute", GrpcRoute("1"), () => HasCallFieldAsync("1")),
            Apply("GRPCRoute", GrpcRoute("2"), () => HasCallFieldAsync("2")),
            Delete("GRPCRoute", "mesh/change", () => HasCallFieldAsync(null)),
        ];
        yield return
        [
            Apply("HTTPRoute of another namespace's backend", ForeignRoute, async () => await StatusAsync("/foreign") == 500),
            Apply("ReferenceGrant", Grant("mesh"), async () => await StatusAsync("/foreign") == 200),
            Apply("ReferenceGrant", Grant("else"), async () => await StatusAsync("/foreign") == 500),
            Apply("ReferenceGrant", Grant("mesh"), async () => await StatusAsync("/foreign") == 200),
            Delete("ReferenceGrant", "boards/change", async () => await StatusAsync("/foreign") == 500),
            Delete("HTTPRoute", "mesh/change-foreign", async () => await StatusAsync("/foreign") == 200),
        ];
        yield return
        [
            Apply("ServiceEntry", ServiceEntry, async () => await TextAsync("http://240.78.0.1/") is not ("v1" or "v2")),
            Apply("WorkloadEntry", WorkloadEntry(entries[0]), async () => await TextAsync("http://240.78.0.1/") == "v1"),
            Apply("WorkloadEntry", WorkloadEntry(entries[1]), async () => await TextAsync("http://240.78.0.1/") == "v2"),
            Apply("ServiceEntry", ServiceEntry.Replace("240.78.0.1", "240.78.0.2", StringComparison.Ordinal), async () =>
                await TextAsync("http://240.78.0.2/") == "v2"),
            Delete("WorkloadEntry", "mesh/change", async () => await TextAsync("http://240.78.0.2/") != "v2"),
            Delete("ServiceEntry", "mesh/change", async () => await TextAsync("http://240.78.0.2/") != "v2"),
        ];
        yield return
        [
            Apply("VirtualService", VirtualService("1"), () => HasFieldAsync("x-change", "1")),
            Apply("Sidecar", Sidecar("boards/*"), () => HasFieldAsync("x-change", null)),
            Apply("Sidecar", Sidecar("./*"), () => HasFieldAsync("x-change", "1")),
            Apply("Sidecar", Sidecar("boards/*"), () => HasFieldAsync("x-change", null)),
            Delete("Sidecar", "mesh/default", () => HasFieldAsync("x-change", "1")),
            Delete("VirtualService", "mesh/change", () => HasFieldAsync("x-change", null)),
        ];
        yield return
        [
            Apply("PeerAuthentication", Peers("STRICT"), async () => !await IsServedAsync(outsider)),
            Apply("PeerAuthentication", Peers("PERMISSIVE"), () => IsServedAsync(outsider)),
            Apply("PeerAuthentication", Peers("STRICT"), async () => !await IsServedAsync(outsider)),
            Delete("PeerAuthentication", "mesh/change", () => IsServedAsync(outsider)),
        ];
        yield return
        [
            Apply("RequestAuthentication", Tokens("x-one"), async () => await StatusAsync("/", "x-one") == 401),
            Apply("RequestAuthentication", Tokens("x-two"), async () =>
                await StatusAsync("/", "x-two") == 401 && await StatusAsync("/", "x-one") == 200),
            Delete("RequestAuthentication", "mesh/change", async () => await StatusAsync("/", "x-two") == 200),
        ];
        yield return
        [
            Apply("AuthorizationPolicy", Denied("/one"), async () => await StatusAsync("/one") == 403),
            Apply("AuthorizationPolicy", Denied("/two"), async () => await StatusAsync("/two") == 403 && await StatusAsync("/one") == 200),
            Delete("AuthorizationPolicy", "mesh/change", async () => await StatusAsync("/two") == 200),
        ];
        yield return
        [
            Apply("RateLimit", Limited("/one"), async () => await StatusAsync("/one") == 429),
            Apply("RateLimit", Limited("/two"), async () => await StatusAsync("/two") == 429 && await StatusAsync("/one") == 200),
            Delete("RateLimit", "mesh/change", async () => await StatusAsync("/two") == 200),
        ];
        yield return
        [
            Apply("Service", Service(90), async () => await TextAsync("http://10.96.200.1:90/") == "v2"),
            Apply("Service", Service(91), async () => await TextAsync("http://10.96.200.1:91/") == "v2"),
            Delete("Service", "mesh/change-spare", async () => await TextAsync("http://10.96.200.1:91/") != "v2"),
        ];
        yield return
        [
            Apply("labels of a Pod", Second("change"), async () => await CountAsync("v2") > 0),
            Apply("labels of a Pod", Second("spare"), async () => await CountAsync("v2") == 0),
        ];
    }

    /// <summary>Makes the changes one after the other, and all of them again until each was seen in time once.</summary>
    private static async Task MeasureAsync(SteadyLoad load, Change[] changes, List<string> late)
    {
        TimeSpan[] best = [.. Enumerable.Repeat(TimeSpan.MaxValue, changes.Length)];
        for (int round = 0; round < RoundsMax && best.Max() > s_required; round++)
        {
            for (int index = 0; index < changes.Length; index++)
            {
                Change change = changes[index];
                load.Phase = change.Name;
                long changedAt = Stopwatch.GetTimestamp();
                await change.ActAsync();
                await Eventually.TrueAsync(change.IsSeenAsync, s_limit, change.Name);
                TimeSpan taken = Stopwatch.GetElapsedTime(changedAt);
                best[index] = taken < best[index] ? taken : best[index];
                if (taken > s_wanted)
                {
                    late.Add(string.Create(CultureInfo.InvariantCulture, $"{change.Name} {taken.TotalMilliseconds:0} ms"));
                }
            }
        }

        Assert.True(best.Max() <= s_required, $"Each of {RoundsMax} times: {string.Join(", ", late)}");
    }

    private Change Apply(string kind, string yaml, Func<Task<bool>> isSeen) => new(
        $"{kind} applied",
        async () => _left.UnionWith((await Lab.ApplyAsync(yaml)).Where(key => key.Name != "change-2")),
        isSeen);

    private Change Delete(string kind, string name, Func<Task<bool>> isSeen) => new(
        $"{kind} deleted",
        async () =>
        {
            await Lab.DeleteAsync(kind, name);
            _left.RemoveWhere(key => key.Kind == kind && key.QualifiedName == name);
        },
        isSeen);

    private static RequestDelegate Answer(string text) => context => context.Response.WriteAsync(text);

    private static string Second(string app) => Applications.Pod("change-2", node: 1, app, "v2");

    private static string VirtualService(string value) => $$"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: change, namespace: mesh}
        spec:
          hosts: [change]
          http:
          - match: [{port: 80}]
            headers: {response: {set: {x-change: "{{value}}"} } }
            route: [{destination: {host: change, port: {number: 80} } }]
        """;

    private static string DestinationRule(string cookie) => $$"""
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: change, namespace: mesh}
        spec:
          host: change
          trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {name: {{cookie}}, ttl: 60s} } } }
        """;

    private static string HttpRoute(string value) => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: change, namespace: mesh}
        spec:
          parentRefs: [{group: "", kind: Service, name: change, port: 80}]
          rules:
          - filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-change, value: "{{value}}"}]} }]
            backendRefs: [{name: change, port: 80}]
        """;

    private static string GrpcRoute(string value) => $$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: GRPCRoute
        metadata: {name: change, namespace: mesh}
        spec:
          parentRefs: [{group: "", kind: Service, name: change, port: 81}]
          rules:
          - matches: [{method: {service: demo.Change} }]
            filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-change, value: "{{value}}"}]} }]
            backendRefs: [{name: change, port: 81}]
        """;

    private const string ForeignRoute = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: change-foreign, namespace: mesh}
        spec:
          parentRefs: [{group: "", kind: Service, name: change, port: 80}]
          rules:
          - matches: [{path: {type: PathPrefix, value: /foreign} }]
            backendRefs: [{name: boards, namespace: boards, port: 8080}]
          - backendRefs: [{name: change, port: 80}]
        """;

    private static string Grant(string from) => $$"""
        apiVersion: gateway.networking.k8s.io/v1beta1
        kind: ReferenceGrant
        metadata: {name: change, namespace: boards}
        spec:
          from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: {{from}}}]
          to: [{group: "", kind: Service}]
        """;

    private const string ServiceEntry = """
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: change, namespace: mesh}
        spec:
          hosts: [change.example]
          addresses: [240.78.0.1]
          ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]
          resolution: STATIC
          location: MESH_INTERNAL
          workloadSelector: {labels: {entry: change} }
        """;

    private static string WorkloadEntry(IPAddress address) => $$"""
        apiVersion: networking.istio.io/v1
        kind: WorkloadEntry
        metadata: {name: change, namespace: mesh}
        spec: {address: {{address}}, labels: {entry: change} }
        """;

    private static string Sidecar(string hosts) => $$"""
        apiVersion: networking.istio.io/v1
        kind: Sidecar
        metadata: {name: default, namespace: mesh}
        spec: {egress: [{hosts: ["{{hosts}}"]}]}
        """;

    private static string Peers(string mode) => $$"""
        apiVersion: security.istio.io/v1
        kind: PeerAuthentication
        metadata: {name: change, namespace: mesh}
        spec: {selector: {matchLabels: {app: change} }, mtls: {mode: {{mode}}} }
        """;

    private static string Tokens(string field) => $$"""
        apiVersion: security.istio.io/v1
        kind: RequestAuthentication
        metadata: {name: change, namespace: mesh}
        spec:
          selector: {matchLabels: {app: change} }
          jwtRules:
          - issuer: https://issuer.example
            jwks: '{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
              "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}'
            fromHeaders: [{name: {{field}}, prefix: "Bearer "}]
        """;

    private static string Denied(string path) => $$"""
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: change, namespace: mesh}
        spec:
          selector: {matchLabels: {app: change} }
          action: DENY
          rules: [{to: [{operation: {paths: ["{{path}}"]} }]}]
        """;

    private static string Limited(string path) => $$"""
        apiVersion: mesh-node.io/v1alpha1
        kind: RateLimit
        metadata: {name: change, namespace: mesh}
        spec:
          selector: {matchLabels: {app: change} }
          limits: [{requests: 1, interval: 1h, match: {to: [{operation: {paths: ["{{path}}"]} }]} }]
        """;

    private static string Service(int port) => $$"""
        apiVersion: v1
        kind: Service
        metadata: {name: change-spare, namespace: mesh}
        spec: {clusterIP: 10.96.200.1, ipFamilies: [IPv4], selector: {app: spare}, ports: [{name: http, port: {{port}}, targetPort: 8080}]}
        """;

    private async Task<bool> IsServedAsync(HttpClient client)
    {
        try
        {
            return await client.GetStringAsync(new Uri($"http://{_address}/")) == "v1";
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or TaskCanceledException)
        {
            return false;
        }
    }

    /// <param name="path">What is asked for.</param>
    /// <param name="tokenField">A field that bears a token that is none.</param>
    private async Task<int> StatusAsync(string path, string? tokenField = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{_address}{path}");
        if (tokenField is not null)
        {
            request.Headers.Add(tokenField, "Bearer nonsense");
        }

        using HttpResponseMessage answer = await _http.SendAsync(request);
        return (int)answer.StatusCode;
    }

    /// <summary>What is answered, and "" where nobody answers.</summary>
    private async Task<string> TextAsync(string url)
    {
        using var limit = new CancellationTokenSource(s_wanted);
        try
        {
            return await _http.GetStringAsync(new Uri(url), limit.Token);
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or OperationCanceledException)
        {
            return "";
        }
    }

    /// <summary>How many of so many requests that chance would have shown each of two endpoints got an answer.</summary>
    private async Task<int> CountAsync(string text)
    {
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => TextAsync($"http://{_address}/")));
        return answers.Count(answer => answer == text);
    }

    private async Task<bool> HasCookieAsync(string name) =>
        (await FieldAsync("set-cookie"))?.StartsWith($"{name}=", StringComparison.Ordinal) == true;

    private async Task<bool> HasFieldAsync(string name, string? value) => await FieldAsync(name) == value;

    private async Task<string?> FieldAsync(string name)
    {
        using HttpResponseMessage answer = await _http.GetAsync(new Uri($"http://{_address}/"));
        return answer.Headers.TryGetValues(name, out IEnumerable<string>? values) ? string.Join(", ", values) : null;
    }

    private async Task<bool> HasCallFieldAsync(string? value)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{_address}:81/demo.Change/Ask")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent([]) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        using HttpResponseMessage answer = await _http.SendAsync(request);
        return (answer.Headers.TryGetValues("x-change", out IEnumerable<string>? values) ? values.Single() : null) == value;
    }

    /// <param name="Name">What is done, in words.</param>
    /// <param name="ActAsync">Does it, and waits for the lab alone.</param>
    /// <param name="IsSeenAsync">Whether clients see it.</param>
    private sealed record Change(string Name, Func<Task> ActAsync, Func<Task<bool>> IsSeenAsync);
}
