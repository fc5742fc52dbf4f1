using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Who a request is from, and what is known of it. Goal: no connection that the proxies keep serves two pods, and nothing a client says
/// becomes a series of metrics. Method: two pods of one node beside each other, at servers of both nodes.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed class TwinRequestTests(TproxyLab fixture) : IsolatedTests(fixture)
{
    private const string Service = "twinned";

    [LabFact]
    public async Task Two_pods_of_one_node_one_allowed_and_one_denied_never_cross()
    {
        // Two pods, two versions of HTTP, two rules.
        const int Each = 1_250;
        LabPod left = await AddPodAsync("mesh/left-twin", "left-twin");
        LabPod right = await AddPodAsync("mesh/right-twin", "right-twin");
        await ApplyAsync(
            Applications.Pod("twinned-1", node: 1, Service) + Applications.Pod("twinned-2", node: 2, Service) + Applications.Service(Service));
        await Fixture.ReadyAsync();
        int crossings = 0;
        LabPod allowed = left;
        await using WebServer near = await ServeAsync("mesh/twinned-1");
        await using WebServer far = await ServeAsync("mesh/twinned-2");

        // By who it is, then by where it is; the other one of the two.
        await EstablishAsync(Policy("""from: [{source: {principals: ["cluster.local/ns/mesh/sa/left-twin"]}}]"""));
        await AskBothAsync(left, right);
        allowed = right;
        await EstablishAsync(Policy($$$"""from: [{source: {ipBlocks: ["{{{right.Address4}}}"]}}]"""));
        await AskBothAsync(right, left);

        Assert.Equal(0, crossings);
        Assert.Equal(4 * Each, near.Requests + far.Requests);
        Assert.True(near.Requests > 0 && far.Requests > 0, $"{near.Requests} and {far.Requests}");

        async Task<WebServer> ServeAsync(string pod) => await WebServer.StartAsync(await Lab.PodAsync(pod), Applications.Port, context =>
        {
            IPAddress client = context.Connection.RemoteIpAddress!;
            bool isAllowed = (client.IsIPv4MappedToIPv6 ? client.MapToIPv4() : client).Equals(allowed.Address4)
                && context.Request.Headers["x-forwarded-client-cert"].ToString()
                    .Contains(allowed.Name.Replace("mesh/", "/ns/mesh/sa/", StringComparison.Ordinal), StringComparison.Ordinal);
            Interlocked.Add(ref crossings, isAllowed ? 0 : 1);
            return Task.CompletedTask;
        });

        async Task AskBothAsync(LabPod good, LabPod bad)
        {
            string url = $"http://{await Lab.AddressAsync(Service)}/";
            foreach (string[] version in (string[][])[["--h1", "-c", "8"], ["-c", "4", "-m", "8"]])
            {
                string[] command = ["h2load", "-n", $"{Each}", .. version, url];
                string[] said = await Task.WhenAll(good.OutputAsync(command), bad.OutputAsync(command));
                Assert.Contains($"status codes: {Each} 2xx, 0 3xx, 0 4xx, 0 5xx", said[0], StringComparison.Ordinal);
                Assert.Contains($"status codes: 0 2xx, 0 3xx, {Each} 4xx, 0 5xx", said[1], StringComparison.Ordinal);
            }
        }
    }

    [LabFact]
    public async Task A_hundred_thousand_hosts_add_two_series_at_most()
    {
        const int Hosts = 100_000;
        const int Clients = 10;
        LabPod client = await AddPodAsync("mesh/many-hosts", "many-hosts");
        await ApplyAsync(Applications.Pod(Service, node: 1, Service) + Applications.Service(Service));
        await Fixture.ReadyAsync();
        await using WebServer server = await WebServer.StartAsync(
            await Lab.PodAsync($"mesh/{Service}"), Applications.Port, _ => Task.CompletedTask);
        await Fixture.SettleAsync();
        var target = new IPEndPoint(IPAddress.Parse(await Lab.AddressAsync(Service)), 80);

        // One that names the service, as most do.
        await AskAsync(client, target, [Service]);
        int before = await SeriesAsync();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(number => AskAsync(
            client, target, Enumerable.Range(number * (Hosts / Clients), Hosts / Clients).Select(host => $"host-{host}.example"))));

        Assert.Equal(Hosts + 1, await CountAsync());
        Assert.InRange(await SeriesAsync() - before, 0, 2);

        async Task<int> SeriesAsync() => (await SamplesAsync()).Count();

        async Task<double> CountAsync() => (await SamplesAsync())
            .Where(sample => sample.Labels["reporter"] == "source").Sum(sample => sample.Value);

        async Task<IEnumerable<MetricSample>> SamplesAsync() => (await (await Lab.NodeAsync("node-1")).MetricsAsync()).All
            .Where(sample => sample.Name == "istio_requests_total" && sample.Labels["source_workload"] == "many-hosts");
    }

    private static string Policy(string from) =>
        $$"""
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: {{Service}}, namespace: mesh}
        spec:
          selector: {matchLabels: {app: {{Service}}} }
          rules:
          - {{from}}
            to: [{operation: {methods: [GET]} }]
        """;

    /// <summary>Asks for hosts on one connection, many before the first is answered.</summary>
    private static async Task AskAsync(LabPod client, IPEndPoint target, IEnumerable<string> hosts)
    {
        using Socket socket = await client.ConnectAsync(target);
        await using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream, Encoding.Latin1);
        foreach (string[] batch in hosts.Chunk(200))
        {
            string requests = string.Concat(batch.Select(host => $"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            await stream.WriteAsync(Encoding.Latin1.GetBytes(requests));
            for (int ends = 0; ends < batch.Length;)
            {
                string line = await reader.ReadLineAsync() ?? throw new EndOfStreamException("The connection ended.");
                ends += line.Length == 0 ? 1 : 0;
            }
        }
    }
}
