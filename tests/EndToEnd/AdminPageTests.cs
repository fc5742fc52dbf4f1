using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// What a running proxy says of itself. Goal: every page of the admin, metrics and readiness ports has what it promises. Method: one
/// connection to a service across the nodes, open while both proxies are asked.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed class AdminPageTests(TproxyLab fixture) : IsolatedTests(fixture)
{
    private const int Port = 8080;
    private const string ClientIdentity = "spiffe://cluster.local/ns/mesh/sa/client";
    private const string ServerIdentity = "spiffe://cluster.local/ns/mesh/sa/server";
    private const string Host = "seen.mesh.svc.cluster.local";

    /// <summary>Every label of istio's TCP metrics: a series that lacks one is dropped by what reads them.</summary>
    private static readonly string[] s_labels =
    [
        "connection_security_policy",
        "destination_app", "destination_canonical_revision", "destination_canonical_service", "destination_cluster",
        "destination_principal", "destination_service", "destination_service_name", "destination_service_namespace",
        "destination_version", "destination_workload", "destination_workload_namespace",
        "reporter", "request_protocol", "response_flags",
        "source_app", "source_canonical_revision", "source_canonical_service", "source_cluster",
        "source_principal", "source_version", "source_workload", "source_workload_namespace",
    ];

    private EchoServer _echo = null!;
    private Socket _connection = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await EstablishAsync(
            """
            apiVersion: v1
            kind: Service
            metadata: {name: seen, namespace: mesh}
            spec: {selector: {app: server-2}, ports: [{name: tcp, port: 80, targetPort: 8080}]}
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: seen, namespace: mesh}
            spec:
              selector: {matchLabels: {app: server-2}}
              action: ALLOW
              rules: [{from: [{source: {principals: [cluster.local/ns/mesh/sa/client]}}]}]
            """);
        _echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        string address = (await Lab.StatusAsync()).Services.Single(service => service.Name == "seen").Addresses[0];
        LabPod client = await Lab.PodAsync("mesh/client-1");
        _connection = await client.ConnectAsync(new IPEndPoint(IPAddress.Parse(address), 80), TestContext.Current.CancellationToken);
        Assert.Equal("marked", await _connection.EchoAsync("marked"));
    }

    public override async ValueTask DisposeAsync()
    {
        _connection.Dispose();
        await _echo.DisposeAsync();
        await base.DisposeAsync();
    }

    [LabFact]
    public async Task The_configuration_dump_has_everything_in_force()
    {
        JsonNode dump = await JsonAsync("node-2", "/config_dump");

        Assert.True((bool)dump["complete"]!);
        Assert.NotNull(dump["version"]);
        Assert.Equal("node-2", (string?)dump["config"]!["node"]!["name"]);
        Assert.Contains(dump["workloads"]!.AsArray(), workload => (string?)workload!["name"] == "server-2");
        Assert.Contains(dump["services"]!.AsArray(), service => (string?)service!["hostname"] == Host);
        Assert.Contains(dump["policies"]!.AsArray(), policy => (string?)policy!["name"] == "seen");
        Assert.Contains(dump["certificates"]!.AsArray(), certificate => (string?)certificate!["identity"] == ServerIdentity);
        Assert.Contains(dump["workloadState"]!.AsObject(), pod => (string?)pod.Value!["info"]!["name"] == "server-2");
        Assert.DoesNotContain("PRIVATE", dump.ToJsonString(), StringComparison.Ordinal);
    }

    [LabFact]
    public async Task Clusters_show_the_endpoint_and_the_tunnel_as_text_and_as_JSON()
    {
        LabPod server = await Lab.PodAsync("mesh/server-2");
        string text = await (await Lab.NodeAsync("node-1")).AdminAsync("/clusters");
        string endpoint = Assert.Single(
            text.Split('\n'), line => line.StartsWith($"mesh/{Host}:80::{server.Address4}:{Port}::", StringComparison.Ordinal));
        Assert.Contains("::protocol=hbone::health=healthy::", endpoint, StringComparison.Ordinal);
        Assert.Contains(
            text.Split('\n'), line => line.StartsWith($"tunnel::{server.Address4}:15008::state=open::", StringComparison.Ordinal)
                && line.Contains($"::source={ClientIdentity}", StringComparison.Ordinal));

        JsonNode json = await JsonAsync("node-1", "/clusters?format=json");
        Assert.Contains(json["endpoints"]!.AsArray(), entry => (string?)entry!["address"] == $"{server.Address4}:{Port}");
        // The tests before this one may have left other clients' tunnels to the same address.
        Assert.Contains(
            ($"{server.Address4}:15008", ClientIdentity, ServerIdentity),
            json["tunnels"]!.AsArray().Select(tunnel =>
                ((string?)tunnel!["address"], (string?)tunnel["source"], (string?)tunnel["destination"])));
    }

    [LabFact]
    public async Task An_explanation_names_the_endpoint_and_the_policy_or_what_is_wrong_with_the_question()
    {
        LabPod server = await Lab.PodAsync("mesh/server-2");
        LabNode node = await Lab.NodeAsync("node-1");
        string text = await node.AdminAsync($"/explain?from=mesh/client-1&to={Host}:80");
        Assert.Contains($"mesh/server-2 {server.Address4}:{Port}, mutual TLS: ", text, StringComparison.Ordinal);
        Assert.Contains("mesh/seen", text, StringComparison.Ordinal);

        JsonNode json = await JsonAsync("node-1", $"/explain?from=mesh/client-1&to={Host}:80&format=json");
        JsonNode endpoint = Assert.Single(Assert.Single(json["destinations"]!.AsArray())!["endpoints"]!.AsArray())!;
        Assert.Equal($"{server.Address4}:{Port}", (string?)endpoint["address"]);

        HttpRequestException refused =
            await Assert.ThrowsAsync<HttpRequestException>(() => node.AdminAsync("/explain?from=mesh/client-1"));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
    }

    [LabFact]
    public async Task Certificates_show_chain_and_expiry_and_no_key()
    {
        JsonNode certificates = await JsonAsync("node-2", "/certs");

        JsonNode server = certificates.AsArray().Single(entry => (string?)entry!["identity"] == ServerIdentity)!;
        Assert.Equal("Available", (string?)server["state"]);
        JsonNode leaf = server["certChain"]![0]!;
        Assert.InRange(DateTimeOffset.Parse((string)leaf["expirationTime"]!, null), Now.AddHours(1), Now.AddHours(25));
        foreach (JsonNode? shown in certificates.AsArray().SelectMany(entry => entry!["certChain"]!.AsArray().Concat(entry["rootCerts"]!.AsArray())))
        {
            string pem = Encoding.ASCII.GetString(Convert.FromBase64String((string)shown!["pem"]!));
            using var certificate = X509Certificate2.CreateFromPem(pem);
            Assert.Equal((string?)shown["serialNumber"], certificate.SerialNumber);
            Assert.DoesNotContain("PRIVATE", pem, StringComparison.Ordinal);
        }
    }

    [LabFact]
    public async Task Connections_show_who_speaks_with_whom_and_how()
    {
        JsonNode near = await ConnectionAsync("node-1", "Outbound");
        Assert.Equal($"mesh/{Host}", (string?)near["service"]);
        JsonNode far = await ConnectionAsync("node-2", "InboundHbone");
        foreach (JsonNode connection in (JsonNode[])[near, far])
        {
            Assert.Equal((ClientIdentity, ServerIdentity), ((string?)connection["sourceIdentity"], (string?)connection["destinationIdentity"]));
            Assert.True((bool)connection["mutualTls"]!);
        }
    }

    [LabFact]
    public async Task The_log_level_is_shown_and_changed_while_the_proxy_runs()
    {
        LabNode node = await Lab.NodeAsync("node-1");
        string before = await node.AdminAsync("/logging");
        try
        {
            Assert.Equal("level: debug\n", await node.ChangeAsync("/logging?level=debug"));
            Assert.Equal("level: debug\n", await node.AdminAsync("/logging"));
        }
        finally
        {
            await node.ChangeAsync($"/logging?level={before.Split(' ')[1].Trim()}");
        }

        Assert.Equal(before, await node.AdminAsync("/logging"));
    }

    [LabTheory]
    [InlineData("node-1", "source", "/metrics")]
    [InlineData("node-2", "destination", "/stats/prometheus")]
    public async Task Metrics_have_all_labels_and_what_open_connections_have_carried(string nodeName, string reporter, string path)
    {
        MetricSamples metrics = await (await Lab.NodeAsync(nodeName)).MetricsAsync(path);

        MetricSample opened = Series("istio_tcp_connections_opened_total");
        Assert.Equal(s_labels, opened.Labels.Keys.Order(StringComparer.Ordinal));
        (string Name, string Value)[] expected =
        [
            ("connection_security_policy", "mutual_tls"), ("request_protocol", "tcp"), ("response_flags", "-"),
            ("source_workload", "client-1"), ("source_workload_namespace", "mesh"), ("source_principal", ClientIdentity),
            ("source_canonical_service", "client-1"), ("source_app", "client-1"), ("source_cluster", "Kubernetes"),
            ("destination_workload", "server-2"), ("destination_workload_namespace", "mesh"), ("destination_principal", ServerIdentity),
            ("destination_service", Host), ("destination_service_name", "seen"), ("destination_service_namespace", "mesh"),
            ("destination_canonical_service", "server-2"), ("destination_app", "server-2"), ("destination_cluster", "Kubernetes"),
        ];
        Assert.All(expected, label => Assert.Equal((label.Name, label.Value), (label.Name, opened.Labels[label.Name])));
        Assert.True(Series("istio_tcp_received_bytes_total").Value >= "marked".Length);
        Assert.True(Series("istio_tcp_sent_bytes_total").Value >= "marked".Length);
        Assert.True(metrics.Sum("istio_tcp_sockets_open", ("reporter", reporter)) >= 1);
        Assert.True(metrics.Sum("istio_build") >= 1);

        MetricSample Series(string name) => metrics.All.First(sample =>
            sample.Name == name && sample.Labels["reporter"] == reporter && sample.Labels["destination_service"] == Host);
    }

    [LabFact]
    public async Task A_proxy_that_carries_traffic_is_ready() =>
        Assert.StartsWith("ready", (await (await Lab.NodeAsync("node-1")).ReadinessAsync()).Text, StringComparison.Ordinal);

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    private async Task<JsonNode> JsonAsync(string node, string path) => JsonNode.Parse(await (await Lab.NodeAsync(node)).AdminAsync(path))!;

    /// <summary>The one connection of client-1 on a path, once those of the tests before are gone from the page.</summary>
    private async Task<JsonNode> ConnectionAsync(string node, string path)
    {
        JsonNode[] shown = [];
        await Eventually.TrueAsync(
            async () =>
            {
                JsonNode page = await JsonAsync(node, "/connections?workload=client-1");
                shown = [.. page["connections"]!.AsArray().OfType<JsonNode>().Where(connection => (string?)connection["path"] == path)];
                return shown.Length == 1;
            },
            TimeSpan.FromSeconds(60));
        return shown[0];
    }
}
