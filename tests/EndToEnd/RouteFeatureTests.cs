using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyRouteFeatureTests(TproxyLab fixture) : RouteFeatureTests(fixture);

/// <summary>
/// What a route does beside choosing a destination. Goal: preflights, mirrors and retries of content are as a VirtualService says, between
/// nodes and on one. Method: curl in a pod, and servers that remember what they were asked.
/// </summary>
public abstract class RouteFeatureTests(TwoNodeLab fixture) : IsolatedTests(fixture)
{
    private const int Port = 8080;

    private const string Services = """
        apiVersion: v1
        kind: Pod
        metadata: {name: till, namespace: mesh, labels: {app: till} }
        spec: {nodeName: node-2, serviceAccountName: server, containers: [{name: main}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: ledger, namespace: mesh, labels: {app: ledger} }
        spec: {nodeName: node-1, serviceAccountName: server, containers: [{name: main}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: till, namespace: mesh}
        spec: {selector: {app: till}, ports: [{name: http, port: 80, targetPort: 8080}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: ledger, namespace: mesh}
        spec: {selector: {app: ledger}, ports: [{name: http, port: 80, targetPort: 8080}]}
        """;

    private const string Route = """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: till, namespace: mesh}
        spec:
          hosts: [till]
          http:
          - corsPolicy:
              allowOrigins: [{exact: "https://shop.example"}]
              allowMethods: [GET, POST]
              maxAge: 600s
              allowCredentials: true
            mirror: {host: ledger}
            mirrorPercentage: {value: 100}
            retries: {attempts: 2, retryOn: 5xx}
            route: [{destination: {host: till}}]
        """;

    [LabFact]
    public async Task Preflights_are_answered_content_is_sent_again_and_copies_reach_the_mirror()
    {
        await ApplyAsync(Services);
        await Fixture.ReadyAsync();
        await using RequestSink till = await RequestSink.StartAsync(await Lab.PodAsync("mesh/till"), Port, resets: 1);
        await using RequestSink ledger = await RequestSink.StartAsync(await Lab.PodAsync("mesh/ledger"), Port);
        await EstablishAsync(Route);

        string preflight = await CurlAsync(
            "/order", "-i", "-X", "OPTIONS", "-H", "Origin: https://shop.example", "-H", "Access-Control-Request-Method: POST");
        Assert.StartsWith("HTTP/1.1 200", preflight, StringComparison.Ordinal);
        Assert.Contains("access-control-allow-origin: https://shop.example", preflight, StringComparison.Ordinal);
        Assert.Contains("access-control-allow-methods: GET,POST", preflight, StringComparison.Ordinal);
        Assert.Contains("access-control-max-age: 600", preflight, StringComparison.Ordinal);
        Assert.Empty(till.Seen);

        Assert.Equal("taken", await CurlAsync("/order", "--data", "two apples"));
        Assert.Equal(["POST /order two apples", "POST /order two apples"], till.Seen);
        await Eventually.TrueAsync(() => Task.FromResult(ledger.Seen.Count > 0), TimeSpan.FromSeconds(30));
        Assert.Equal(["POST /order two apples"], ledger.Seen);
    }

    private async Task<string> CurlAsync(string path, params string[] more)
    {
        string address = (await Lab.StatusAsync()).Services.Single(service => service.Name == "till").Addresses[0];
        LabPod client = await Lab.PodAsync("mesh/client-1");
        CommandResult result = await client.ExecuteAsync(["curl", "-sS", "--max-time", "30", .. more, $"http://{address}{path}"]);
        Assert.True(result.ExitCode == 0, result.Errors);
        return result.Output;
    }
}
