using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.EndToEnd.Talks;

/// <summary>
/// What the first talk shows, row by row, said in resources of Istio where the talk has Consul's. Goal: each row's check holds. Method: curl
/// and h2load in pods, applications that know nothing of a mesh, the pages of the proxies.
/// </summary>
[Collection(nameof(TalkGroup))]
public sealed class ExpenseTalkTests(TalkLab fixture) : IsolatedTests(fixture)
{
    private const string ReportIdentity = "spiffe://cluster.local/ns/mesh/sa/report";
    private const string ExpenseIdentity = "spiffe://cluster.local/ns/mesh/sa/expense";

    private const string Split = """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: expense, namespace: mesh}
        spec:
          hosts: [expense]
          http:
          - route:
            - {destination: {host: expense}, weight: 50}
            - {destination: {host: expense-v2}, weight: 50}
        """;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private ExpenseApplication Expense => fixture.Expense;

    [LabFact]
    public async Task Row_1_2_The_request_is_in_both_nodes_logs_with_who_asked_and_who_was_asked()
    {
        string path = $"/logged-{Guid.NewGuid():N}";
        Assert.Equal("java", await CurlAsync("expense", path));
        foreach (string name in (string[])["node-1", "node-2"])
        {
            LabNode node = await Lab.NodeAsync(name);
            JsonNode? line = null;
            await Eventually.TrueAsync(
                async () => (line = LineOf(await node.ProxyLogAsync(), path)) is not null, s_limit, $"{name} has logged the request");
            Assert.Equal((ReportIdentity, ExpenseIdentity), ((string?)line!["source_principal"], (string?)line["destination_principal"]));
            Assert.Equal(("GET", 200), ((string?)line["method"], (int?)line["response_code"]));
        }
    }

    [LabFact]
    public async Task Row_1_4_An_annotation_brings_a_pod_into_the_mesh()
    {
        await ApplyAsync("""
            apiVersion: v1
            kind: Pod
            metadata: {name: annotated, namespace: outside, annotations: {consul.hashicorp.com/connect-inject: "true"}}
            spec: {nodeName: node-2, serviceAccountName: annotated, containers: [{name: main}]}
            """);
        await Fixture.ReadyAsync();
        await Fixture.SettleAsync();
        Assert.True((await Lab.StatusAsync()).Pods.Single(pod => pod.Name == "annotated").IsCaptured);
        LabPod annotated = await Lab.PodAsync("outside/annotated");
        await using EchoServer echo = await EchoServer.StartAsync(annotated, ExpenseApplication.Port);
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(await Lab.PodAsync("mesh/report"), echo.EndPoint()));
        await Fixture.AccessLineAsync("node-2", line => line is { Path: "InboundHbone", SourceIdentity: ReportIdentity }
            && line.DestinationIdentity == "spiffe://cluster.local/ns/outside/sa/annotated");
    }

    [LabFact]
    public async Task Row_1_6_Clusters_list_every_instance_and_the_one_that_comes()
    {
        LabNode node = await Lab.NodeAsync("node-1");
        Assert.Equal([(await Lab.PodAsync("mesh/expense")).EndPoint(ExpenseApplication.Port).ToString()], await InstancesAsync());

        await ApplyAsync(Applications.Pod("expense-more", node: 1, "expense"));
        await Fixture.ReadyAsync();
        string more = (await Lab.PodAsync("mesh/expense-more")).EndPoint(ExpenseApplication.Port).ToString();
        await Eventually.TrueAsync(async () => (await InstancesAsync()).Contains(more), s_limit, "The new instance is listed");
        Assert.Equal(2, (await InstancesAsync()).Length);

        async Task<string[]> InstancesAsync() =>
        [
            .. (await node.AdminAsync("/clusters")).Split('\n')
                .Where(line => line.StartsWith("mesh/expense.mesh.svc.cluster.local:8080::", StringComparison.Ordinal))
                .Select(line => line.Split("::")[1]),
        ];
    }

    [LabFact]
    public async Task Row_1_8_and_1_9_Weights_are_shown_as_halves_of_10000_and_requests_alternate_so()
    {
        // The standard deviation of a half is 0.71 % of so many.
        const int Requests = 5_000;
        await EstablishAsync(Split);

        JsonNode dump = JsonNode.Parse(await (await Lab.NodeAsync("node-1")).AdminAsync("/config_dump"))!;
        JsonNode route = Assert.Single(Nodes(dump["traffic"]!), node => node is JsonObject found
            && found["destinations"] is JsonArray destinations
            && destinations.Any(entry => (string?)entry!["service"] == "mesh/expense-v2.mesh.svc.cluster.local"))!;
        Assert.Equal(
            [("mesh/expense.mesh.svc.cluster.local", 5_000), ("mesh/expense-v2.mesh.svc.cluster.local", 5_000)],
            route["destinations"]!.AsArray().Select(entry => ((string)entry!["service"]!, (int)entry["weight"]!)));
        Assert.Equal(10_000, (int)route["totalWeight"]!);

        (long first, long second) = (Expense.First.Requests, Expense.Second.Requests);
        LabPod client = await Lab.PodAsync("mesh/report");
        string url = await ExpenseApplication.UrlAsync(Lab, "expense", "/");
        string said = await client.OutputAsync("h2load", "--h1", "-n", $"{Requests}", "-c", "8", url);
        Assert.True(said.Contains($"status codes: {Requests} 2xx", StringComparison.Ordinal), said);
        (first, second) = (Expense.First.Requests - first, Expense.Second.Requests - second);
        Assert.Equal(Requests, first + second);
        Assert.InRange(first, Requests * 46 / 100, Requests * 54 / 100);
    }

    [LabFact]
    public async Task Row_1_10_The_dump_shows_chain_and_roots_and_that_there_is_a_key()
    {
        JsonNode dump = JsonNode.Parse(await (await Lab.NodeAsync("node-1")).AdminAsync("/config_dump"))!;
        JsonNode report = dump["certificates"]!.AsArray().Single(entry => (string?)entry!["identity"] == ReportIdentity)!;
        Assert.NotEmpty(report["certChain"]!.AsArray());
        Assert.NotEmpty(report["rootCerts"]!.AsArray());
        Assert.Equal("[redacted]", (string?)report["privateKey"]);
        Assert.DoesNotContain("PRIVATE KEY", dump.ToJsonString(), StringComparison.Ordinal);
    }

    [LabFact]
    public async Task Row_1_11_Applications_speak_plain_HTTP_and_none_of_it_crosses_between_the_nodes()
    {
        await using PacketCapture capture = await Lab.CaptureLinkAsync();
        string marker = $"plain-{Guid.NewGuid():N}";
        Assert.Equal("java", await CurlAsync("expense", "/", "-H", $"x-marker: {marker}"));

        Assert.Equal(marker, Expense.LastSeen["x-marker"]);
        await Fixture.SettleAsync(capture);
        Assert.False(capture.Has(Encoding.ASCII.GetBytes(marker)));
    }

    [LabFact]
    public async Task Row_1_14_A_version_that_fails_is_ejected_and_the_other_takes_all()
    {
        const int Threshold = 3;
        await EstablishAsync(Split);
        await EstablishAsync($$"""
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: expense-v2, namespace: mesh}
            spec:
              host: expense-v2
              trafficPolicy:
                connectionPool: {tcp: {maxConnections: 100}, http: {http1MaxPendingRequests: 100} }
                outlierDetection: {consecutive5xxErrors: {{Threshold}}, interval: 1s, baseEjectionTime: 10m, maxEjectionPercent: 100}
            """);
        Assert.Contains("dotnet", await CurlAsync("expense", "/[1-60]"), StringComparison.Ordinal);

        Expense.SecondStatus = StatusCodes.Status500InternalServerError;
        try
        {
            string[] codes = (await CurlAsync("expense", "/[1-100]", "-o", "/dev/null", "-w", "%{http_code} "))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(100, codes.Length);
            Assert.Equal(Threshold, codes.Count(code => code == "500"));
            Assert.Equal(100 - Threshold, codes.Count(code => code == "200"));
            Assert.Equal(string.Concat(Enumerable.Repeat("java", 60)), await CurlAsync("expense", "/[1-60]"));
        }
        finally
        {
            Expense.SecondStatus = StatusCodes.Status200OK;
        }

        string clusters = await (await Lab.NodeAsync("node-1")).AdminAsync("/clusters");
        string line = Assert.Single(clusters.Split('\n'), line => line.Contains("/expense-v2::outlier=", StringComparison.Ordinal));
        Assert.Contains("::health_flags=/failed_outlier_check::cause=consecutive_5xx::", line, StringComparison.Ordinal);
    }

    [LabFact]
    public async Task Row_1_20_A_gateway_of_others_is_a_member_of_the_mesh_on_its_way_in()
    {
        LabPod outsider = await Lab.PodAsync("outside/client-1");
        string url = $"http://{(await Lab.PodAsync("mesh/kong")).EndPoint(ExpenseApplication.Port)}/";
        Assert.Equal("report for kong-1", await outsider.OutputAsync("curl", "-sS", "--max-time", "30", url));

        await EstablishAsync("""
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: report, namespace: mesh}
            spec:
              selector: {matchLabels: {app: report} }
              rules: [{from: [{source: {principals: [cluster.local/ns/mesh/sa/kong]} }]}]
            """);
        Assert.Equal("report for kong-1", await outsider.OutputAsync("curl", "-sS", "--max-time", "30", url));
        LabPod other = await Lab.PodAsync("mesh/client-2");
        string report = await ExpenseApplication.UrlAsync(Lab, "report", "/");
        Assert.Equal(
            "RBAC: access denied403", await other.OutputAsync("curl", "-sS", "--max-time", "30", "-w", "%{http_code}", report));
    }

    [LabFact]
    public async Task Row_1_22_A_database_is_reached_by_whom_its_policy_names_and_counted()
    {
        LabPod expense = await Lab.PodAsync("mesh/expense");
        LabPod report = await Lab.PodAsync("mesh/report");
        IPEndPoint database = await ExpenseApplication.DatabaseAsync(Lab);
        await EstablishAsync("""
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: expense-db, namespace: mesh}
            spec:
              selector: {matchLabels: {app: expense-db} }
              rules: [{from: [{source: {principals: [cluster.local/ns/mesh/sa/expense]} }]}]
            """);
        Assert.Equal(Outcome.Reset, await Attempt.AnEchoAsync(report, database));
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(expense, database));

        using Socket query = await expense.ConnectAsync(database, TestContext.Current.CancellationToken);
        Assert.Equal("SELECT 1", await query.EchoAsync("SELECT 1"));
        MetricSamples samples = await (await Lab.NodeAsync("node-2")).MetricsAsync();
        Assert.True(samples.Sum(
            "istio_tcp_connections_opened_total",
            ("destination_service_name", "expense-db"), ("source_workload", "expense"), ("request_protocol", "tcp")) >= 2);
    }

    private static JsonNode? LineOf(string log, string path) => log.Split('\n')
        .Where(line => line.StartsWith("{\"start_time\"", StringComparison.Ordinal) && line.Contains(path, StringComparison.Ordinal))
        .Select(line => line.EndsWith('}') ? JsonNode.Parse(line) : null)
        .FirstOrDefault(line => (string?)line?["path"] == path);

    private static IEnumerable<JsonNode> Nodes(JsonNode root)
    {
        IEnumerable<JsonNode?> children = root switch
        {
            JsonObject found => found.Select(member => member.Value),
            JsonArray found => found,
            _ => [],
        };
        return children.OfType<JsonNode>().SelectMany(Nodes).Prepend(root);
    }

    /// <summary>Asks a service from the pod of report.</summary>
    private async Task<string> CurlAsync(string service, string path, params string[] more)
    {
        LabPod client = await Lab.PodAsync("mesh/report");
        return await client.OutputAsync(
            ["curl", "-sS", "--max-time", "60", .. more, await ExpenseApplication.UrlAsync(Lab, service, path)]);
    }
}
