using System.Globalization;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// What routes do about time and failures. Goal: faults take as long as they say and meet who they should, and attempts that fail or take
/// too long are made again. Method: curl in a pod, servers on both nodes.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed class ResilienceTests(TproxyLab fixture) : IsolatedTests(fixture)
{
    private const string Service = "tough";

    [LabTheory]
    [InlineData("--http1.1", 1)]
    [InlineData("--http2-prior-knowledge", 2)]
    public async Task Half_of_the_requests_are_delayed_three_seconds(string version, int node)
    {
        const int Requests = 64;
        const double DelaySeconds = 3;
        await ApplyAsync(Applications.Pod("tough-1", node, Service) + Applications.Service(Service));
        await Fixture.ReadyAsync();
        await using WebServer server = await WebServer.StartAsync(
            await Lab.PodAsync("mesh/tough-1"), Applications.Port, _ => Task.CompletedTask);
        await EstablishAsync(Route("""
            fault: {delay: {fixedDelay: 3s, percentage: {value: 50}}}
            """));

        // A client each, as some that speak HTTP/2 do not use a connection twice.
        LabPod client = await Lab.PodAsync("mesh/client-1");
        string url = $"http://{await Lab.AddressAsync(Service)}/";
        string curl = $"curl -sS --max-time 60 {version} -o /dev/null -w '%{{http_code}} %{{time_total}}\\n' {url}";
        string output = await client.OutputAsync("sh", "-c", $"for i in $(seq {Requests}); do {curl} & done; wait");
        string[] said = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        // Six standard deviations of so many draws at a half.
        Assert.All(said, line => Assert.StartsWith("200 ", line, StringComparison.Ordinal));
        Assert.InRange(said.Count(line => double.Parse(line[4..], CultureInfo.InvariantCulture) < DelaySeconds), 8, Requests - 8);
        Assert.Equal(Requests, said.Length);
        Assert.Equal(Requests, server.Requests);
    }

    [LabTheory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task An_attempt_that_takes_too_long_is_made_again(int node)
    {
        await ApplyAsync(Applications.Pod("tough-1", node, Service) + Applications.Service(Service));
        await Fixture.ReadyAsync();
        int asked = 0;
        await using WebServer server = await WebServer.StartAsync(
            await Lab.PodAsync("mesh/tough-1"),
            Applications.Port,
            async context =>
            {
                if (Interlocked.Increment(ref asked) == 1)
                {
                    // Until the proxy gives it up.
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted)
                        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            });
        await EstablishAsync(Route("""
            timeout: 60s
            retries: {attempts: 1, perTryTimeout: 3s, retryOn: "gateway-error"}
            """));

        string[] said = (await CurlAsync("/", "-o", "/dev/null", "-w", "%{http_code} %{time_total}")).Split(' ');

        Assert.Equal("200", said[0]);
        Assert.True(double.Parse(said[1], CultureInfo.InvariantCulture) >= 3, said[1]);
        Assert.Equal((2, 2), (asked, server.Requests));
    }

    [LabFact]
    public async Task Endpoints_that_cannot_be_connected_to_cost_no_request()
    {
        // One answers; one of each node does not listen.
        await ApplyAsync(
            Applications.Pod("tough-1", node: 2, Service)
            + Applications.Pod("tough-2", node: 1, Service)
            + Applications.Pod("tough-3", node: 2, Service)
            + Applications.Service(Service));
        await Fixture.ReadyAsync();
        await Fixture.SettleAsync();
        await using WebServer server = await WebServer.StartAsync(
            await Lab.PodAsync("mesh/tough-1"), Applications.Port, _ => Task.CompletedTask);

        string codes = await CurlAsync("/[1-100]", "-o", "/dev/null", "-w", "%{http_code} ");

        Assert.Equal(string.Concat(Enumerable.Repeat("200 ", 100)), codes);
        Assert.Equal(100, server.Requests);
    }

    private static string Route(string more) =>
        $$"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: {{Service}}, namespace: mesh}
        spec:
          hosts: [{{Service}}]
          http:
          - route: [{destination: {host: {{Service}}} }]
            {{more.ReplaceLineEndings("\n    ")}}
        """;

    private async Task<string> CurlAsync(string path, params string[] more)
    {
        LabPod client = await Lab.PodAsync("mesh/client-1");
        return await client.OutputAsync(["curl", "-sS", "--max-time", "60", .. more, $"http://{await Lab.AddressAsync(Service)}{path}"]);
    }
}
