using System.Text.RegularExpressions;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyRequestTests(TproxyLab fixture) : RequestTests(fixture);

/// <summary>
/// Requests as users route and guard them. Goal: the resources people have decide what becomes of each request, whether its endpoint is on
/// this node or on another. Method: two versions of a service, one on each node, and curl in a pod.
/// </summary>
public abstract partial class RequestTests(TwoNodeLab fixture) : IsolatedTests(fixture)
{
    private const string Versions = """
        apiVersion: v1
        kind: Pod
        metadata: {name: shelf-v1, namespace: mesh, labels: {app: shelf, version: v1} }
        spec: {nodeName: node-1, serviceAccountName: server, containers: [{name: main, command: [lab-app, http, --port, "8080", --name, v1]}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: shelf-v2, namespace: mesh, labels: {app: shelf, version: v2} }
        spec: {nodeName: node-2, serviceAccountName: server, containers: [{name: main, command: [lab-app, http, --port, "8080", --name, v2]}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: shelf, namespace: mesh}
        spec: {selector: {app: shelf}, ports: [{name: http, port: 80, targetPort: 8080}]}
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: shelf, namespace: mesh}
        spec:
          host: shelf
          subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]

        """;

    [LabFact]
    public async Task Requests_are_split_matched_broken_and_skip_what_is_not_there()
    {
        await ServeAsync();
        await EstablishAsync(
            """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: shelf, namespace: mesh}
            spec:
              hosts: [shelf]
              http:
              - match: [{headers: {end-user: {exact: jason}}}]
                route: [{destination: {host: shelf, subset: v2}}]
              - match: [{uri: {prefix: /broken}}]
                fault: {abort: {httpStatus: 555, percentage: {value: 100}}}
                route: [{destination: {host: shelf}}]
              - match: [{uri: {prefix: /moved}}]
                redirect: {uri: /there, redirectCode: 308}
              - route:
                - {destination: {host: shelf, subset: v1}, weight: 80}
                - {destination: {host: shelf, subset: v2}, weight: 20}
            """);

        string split = await CurlAsync("/[1-200]");
        int seconds = Version2().Count(split);
        Assert.Equal(200, seconds + Version1().Count(split));

        // 200 draws at 20 % leave these bounds once in 10¹² runs.
        Assert.InRange(seconds, 7, 84);
        Assert.Equal(20, Version2().Count(await CurlAsync("/[1-20]", "-H", "end-user: jason")));
        Assert.Equal("555", await StatusAsync("/broken"));
        Assert.Equal("308", await StatusAsync("/moved"));

        await EstablishAsync(
            """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: shelf, namespace: mesh}
            spec:
              hosts: [shelf]
              http:
              - route:
                - {destination: {host: shelf, subset: v1}, weight: 90}
                - {destination: {host: shelf, subset: v2}, weight: 10}
            """);
        await WithdrawAsync("Pod", "mesh/shelf-v1");
        Assert.Equal(50, Version2().Count(await CurlAsync("/[1-50]")));
    }

    [LabFact]
    public async Task Each_request_is_judged_where_it_arrives()
    {
        await ServeAsync();
        await EstablishAsync(
            """
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: readers, namespace: mesh}
            spec:
              selector: {matchLabels: {app: shelf}}
              rules:
              - from: [{source: {principals: ["cluster.local/ns/mesh/sa/client"]}}]
                to: [{operation: {methods: [GET], paths: ["/open*"]}}]
            """);

        // Often enough to meet both endpoints, the one of this node and the other.
        string opened = await CurlAsync("/open/[1-40]");
        Assert.Equal(40, Version1().Count(opened) + Version2().Count(opened));
        Assert.True(Version1().IsMatch(opened) && Version2().IsMatch(opened), opened);
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal("403", await StatusAsync("/closed"));
            Assert.Equal("403", await StatusAsync("/open", "-X", "POST"));
            Assert.Equal("403", await StatusAsync("/open/../closed", "--path-as-is"));
        }

        Assert.Equal("RBAC: access denied", await CurlAsync("/closed"));
    }

    [LabTheory]
    [InlineData("--h1", "-c", "16")]
    [InlineData("-c", "4", "-m", "8")]
    public async Task Requests_leave_nothing_to_the_garbage_collector(params string[] load)
    {
        const int Few = 500;
        const int Many = 3_000;
        const double BytesEachMax = 100;
        await ServeAsync();

        // To an endpoint of this node and to the other's. Connections are new in every round, and scrapes are made: what many requests take
        // beyond that is theirs. Whatever else goes on in the proxies is not in every round.
        double least = double.MaxValue;
        for (int round = 0; round < 4 && least > BytesEachMax; round++)
        {
            double few = await AllocatedByAsync(Few, load);
            double many = await AllocatedByAsync(Many, load);
            least = Math.Min(least, (many - few) / (Many - Few));
        }

        Assert.InRange(least, double.MinValue, BytesEachMax);
    }

    [GeneratedRegex("\"v1\"")]
    private static partial Regex Version1();

    [GeneratedRegex("\"v2\"")]
    private static partial Regex Version2();

    private async Task ServeAsync()
    {
        await ApplyAsync(Versions);
        await Fixture.ReadyAsync();
        await Fixture.SettleAsync();
        foreach (string name in (string[])["mesh/shelf-v1", "mesh/shelf-v2"])
        {
            LabPod pod = await Lab.PodAsync(name);
            await Eventually.TrueAsync(() => pod.IsListeningAsync(8080), TimeSpan.FromSeconds(30));
        }
    }

    /// <summary>Managed bytes that the proxies of both nodes allocate while requests come.</summary>
    private async Task<double> AllocatedByAsync(int requests, string[] load)
    {
        string address = (await Lab.StatusAsync()).Services.Single(service => service.Name == "shelf").Addresses[0];
        LabPod client = await Lab.PodAsync("mesh/client-1");
        double before = await AllocatedBytesAsync();
        CommandResult result = await client.ExecuteAsync(["h2load", "-n", $"{requests}", .. load, $"http://{address}/"]);
        Assert.True(result.Output.Contains($"{requests} succeeded", StringComparison.Ordinal), result.Output + result.Errors);
        return await AllocatedBytesAsync() - before;
    }

    /// <summary>Managed bytes that the proxies of both nodes have allocated.</summary>
    private async Task<double> AllocatedBytesAsync()
    {
        double total = 0;
        foreach (string name in (string[])["node-1", "node-2"])
        {
            total += (await (await Lab.NodeAsync(name)).MetricsAsync()).Sum("mesh_managed_allocated_bytes_total");
        }

        return total;
    }

    private Task<string> StatusAsync(string path, params string[] more) => CurlAsync(path, ["-o", "/dev/null", "-w", "%{http_code}", .. more]);

    private async Task<string> CurlAsync(string path, params string[] more)
    {
        string address = (await Lab.StatusAsync()).Services.Single(service => service.Name == "shelf").Addresses[0];
        LabPod client = await Lab.PodAsync("mesh/client-1");
        CommandResult result = await client.ExecuteAsync(["curl", "-sS", "--max-time", "30", .. more, $"http://{address}{path}"]);
        Assert.True(result.ExitCode == 0, result.Errors);
        return result.Output;
    }
}
