using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Mesh.Api.Identity;
using Mesh.Node.Model;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Tests.Telemetry;
using Mesh.Node.Proxy.Tests.Telemetry.Metrics;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Admin;

public sealed class DumpTests
{
    private static readonly Service s_service = TestMesh.StockService with { Ports = [new ServicePort(80, 8_080, PortProtocol.Tcp)] };

    private static readonly Workload s_stock = TestMesh.Stock with
    {
        Addresses = [IPAddress.Parse("10.2.0.7"), IPAddress.Parse("fd00::7")],
        TunnelProtocol = TunnelProtocol.Hbone,
        Node = "node-2",
        Services = [new ServiceMembership(s_service.Key, [])],
        AuthorizationPolicies = ["shop/allow-cart"],
    };

    [Fact]
    public async Task The_configuration_dump_has_the_keys_that_istioctl_reads()
    {
        await using AdminFixture node = new() { Current = Snapshot() };
        node.Pods.Add(new PodStatus("uid-1", "cart-1", "shop", "cart", "Up"));
        await node.StartAsync();
        using JsonDocument json = await JsonAsync(node, "/config_dump");
        JsonElement root = json.RootElement;

        Assert.True(root.GetProperty("complete").GetBoolean());
        Assert.Equal("node-1", root.GetProperty("config").GetProperty("node").GetProperty("name").GetString());

        JsonElement workload = root.GetProperty("workloads").EnumerateArray()
            .Single(item => item.GetProperty("name").GetString() == "stock-1");
        Assert.Equal(["10.2.0.7", "fd00::7"], Texts(workload.GetProperty("workloadIps")));
        Assert.Equal("HBONE", workload.GetProperty("protocol").GetString());
        Assert.Equal("stock", workload.GetProperty("serviceAccount").GetString());
        Assert.Equal("cluster.local", workload.GetProperty("trustDomain").GetString());
        Assert.Equal("Healthy", workload.GetProperty("status").GetString());
        Assert.Equal("north-1", workload.GetProperty("locality").GetProperty("zone").GetString());
        Assert.Equal(["shop/allow-cart"], Texts(workload.GetProperty("authorizationPolicies")));

        JsonElement service = Assert.Single(root.GetProperty("services").EnumerateArray());
        Assert.Equal("stock.shop.svc.cluster.local", service.GetProperty("hostname").GetString());
        Assert.Equal(8_080, service.GetProperty("ports").GetProperty("80").GetInt32());
        JsonElement endpoint = service.GetProperty("endpoints").GetProperty(s_stock.Uid);
        Assert.Equal(8_080, endpoint.GetProperty("port").GetProperty("80").GetInt32());

        JsonElement policy = Assert.Single(root.GetProperty("policies").EnumerateArray());
        Assert.Equal("Allow", policy.GetProperty("action").GetString());
        JsonElement match = policy.GetProperty("rules")[0][0][0];
        Assert.Equal("cluster.local/ns/shop/sa/cart", match.GetProperty("principals")[0].GetProperty("Exact").GetString());
        Assert.Equal(8_080, match.GetProperty("destinationPorts")[0].GetInt32());
        Assert.Equal("10.0.0.0/8", match.GetProperty("sourceIps")[0].GetString());

        JsonElement pod = root.GetProperty("workloadState").GetProperty("uid-1");
        Assert.Equal("Up", pod.GetProperty("state").GetString());
        Assert.Equal("cart", pod.GetProperty("info").GetProperty("serviceAccount").GetString());
    }

    [Fact]
    public async Task A_policy_shows_what_it_asks_of_requests_and_whom_it_asks()
    {
        var request = new RequestConditions
        {
            Methods = [TextMatch.Exact("GET")],
            PathTemplates = [PathTemplate.TryParse("/a/{*}", out PathTemplate? template) ? template : throw new InvalidOperationException()],
            Headers = [new HeaderCondition("x-role", [TextMatch.Present], []), new HeaderCondition("x-other", [], [TextMatch.Exact("a")])],
            Claims = [new ClaimCondition(["realm", "roles"], [TextMatch.Prefix("adm")], [])],
        };
        MeshSnapshot.Builder builder = TestMesh.Snapshot([TestMesh.Cart]).ToBuilder();
        builder.SetPolicy(new AuthorizationPolicy("shop", "ask")
        {
            Scope = PolicyScope.Namespace,
            Action = PolicyAction.Custom,
            Provider = "opa",
            Rules = [new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch { TrustDomains = [TextMatch.Present], Request = request }])])],
        });
        await using AdminFixture node = new() { Current = builder.Build() };
        await node.StartAsync();
        using JsonDocument json = await JsonAsync(node, "/config_dump");

        JsonElement policy = Assert.Single(json.RootElement.GetProperty("policies").EnumerateArray());
        Assert.Equal(("Custom", "opa"), (policy.GetProperty("action").GetString(), policy.GetProperty("provider").GetString()));
        JsonElement match = policy.GetProperty("rules")[0][0][0];
        Assert.True(match.GetProperty("trustDomains")[0].TryGetProperty("Presence", out _));
        JsonElement asked = match.GetProperty("request");
        Assert.Equal("GET", asked.GetProperty("methods")[0].GetProperty("Exact").GetString());
        Assert.Equal("/a/{*}", asked.GetProperty("pathTemplates")[0].GetString());
        Assert.Equal(2, asked.GetProperty("headers").GetArrayLength());
        Assert.Equal("x-other", asked.GetProperty("headers")[1].GetProperty("name").GetString());
        Assert.Equal("a", asked.GetProperty("headers")[1].GetProperty("notValues")[0].GetProperty("Exact").GetString());
        Assert.Equal("realm.roles", asked.GetProperty("claims")[0].GetProperty("name").GetString());
        Assert.False(asked.TryGetProperty("paths", out _));
    }

    [Fact]
    public async Task A_policy_that_cannot_be_read_shows_why_and_that_it_denies()
    {
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        builder.SetPolicy(AuthorizationPolicy.Unreadable("shop/odd", "istio-system", "it is cut short"));
        await using AdminFixture node = new() { Current = builder.Build() };
        await node.StartAsync();
        using JsonDocument json = await JsonAsync(node, "/config_dump");

        JsonElement policy = Assert.Single(json.RootElement.GetProperty("policies").EnumerateArray());
        Assert.Equal("it is cut short", policy.GetProperty("unreadableBecause").GetString());
        Assert.Equal(("shop", "odd"), (policy.GetProperty("namespace").GetString(), policy.GetProperty("name").GetString()));
        Assert.Equal(("Namespace", "Deny"), (policy.GetProperty("scope").GetString(), policy.GetProperty("action").GetString()));
    }

    [Fact]
    public async Task A_large_snapshot_arrives_whole()
    {
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        for (int index = 0; index < 3_000; index++)
        {
            builder.SetWorkload(TestMesh.Pod($"pod-{index}", "cart", "shop", "v1"));
        }

        await using AdminFixture node = new() { Current = builder.Build() };
        await node.StartAsync();
        using JsonDocument json = await JsonAsync(node, "/config_dump");
        Assert.Equal(3_000, json.RootElement.GetProperty("workloads").GetArrayLength());
        Assert.False(json.RootElement.GetProperty("complete").GetBoolean());
    }

    [Fact]
    public async Task Certificates_show_chain_roots_and_lifetimes_and_no_key()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=test", key, HashAlgorithmName.SHA256);
        DateTimeOffset notBefore = new(2025, 1, 2, 3, 4, 5, TimeSpan.Zero);
        using X509Certificate2 certificate = request.CreateSelfSigned(notBefore, notBefore.AddDays(1));
        await using AdminFixture node = new();
        node.Certificates.Add(Status("cart", CertificateState.Valid, certificate));
        node.Certificates.Add(Status("stock", CertificateState.Unavailable, null) with { LastError = "the authority is away" });
        await node.StartAsync();

        using JsonDocument json = await JsonAsync(node, "/certs");
        JsonElement[] entries = [.. json.RootElement.EnumerateArray()];
        Assert.Equal("spiffe://cluster.local/ns/shop/sa/cart", entries[0].GetProperty("identity").GetString());
        JsonElement leaf = Assert.Single(entries[0].GetProperty("certChain").EnumerateArray());
        Assert.Equal("2025-01-02T03:04:05Z", leaf.GetProperty("validFrom").GetString());
        Assert.Equal("2025-01-03T03:04:05Z", leaf.GetProperty("expirationTime").GetString());
        Assert.Equal(certificate.SerialNumber, leaf.GetProperty("serialNumber").GetString());
        string pem = Encoding.ASCII.GetString(leaf.GetProperty("pem").GetBytesFromBase64());
        using X509Certificate2 shown = X509Certificate2.CreateFromPem(pem);
        Assert.Equal(certificate.RawData, shown.RawData);
        Assert.Equal("Available", entries[0].GetProperty("state").GetString());
        Assert.Equal("Unavailable", entries[1].GetProperty("state").GetString());
        Assert.Equal("the authority is away", entries[1].GetProperty("lastError").GetString());
        Assert.Empty(entries[1].GetProperty("certChain").EnumerateArray());
        Assert.Equal("[redacted]", entries[0].GetProperty("privateKey").GetString());
        Assert.False(entries[1].TryGetProperty("privateKey", out _));
    }

    [Fact]
    public async Task What_the_node_holds_is_measured()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=test", key, HashAlgorithmName.SHA256);
        DateTimeOffset notBefore = new(2025, 1, 2, 3, 4, 5, TimeSpan.Zero);
        using X509Certificate2 later = request.CreateSelfSigned(notBefore, notBefore.AddDays(2));
        using X509Certificate2 first = request.CreateSelfSigned(notBefore, notBefore.AddDays(1));
        await using AdminFixture node = new() { Current = Snapshot() };
        node.Certificates.Add(Status("cart", CertificateState.Valid, later));
        node.Certificates.Add(Status("stock", CertificateState.Valid, first));
        node.Certificates.Add(Status("web", CertificateState.Awaited, null));
        node.Tunnels.Add(new TunnelStatus("spiffe://a", "10.1.0.2", "spiffe://b", "10.2.0.7:15008", 3, 100, "open"));
        node.Tunnels.Add(new TunnelStatus("spiffe://a", null, "spiffe://c", "10.2.0.8:15008", 4, 100, "open"));
        node.Tunnels.Add(new TunnelStatus("spiffe://a", null, "spiffe://d", "10.2.0.9:15008", 0, 100, "connecting"));
        node.Pods.Add(new PodStatus("uid-1", "cart-1", "shop", "cart", "Up"));
        await node.StartAsync();

        List<Exposition.Line> lines = Exposition.Parse((await node.GetAsync("metrics", "/metrics")).Text);
        Assert.Equal(1, lines.Value("mesh_configuration_complete"));
        Assert.Equal(2, lines.Value("mesh_workloads"));
        Assert.Equal(1, lines.Value("mesh_services"));
        Assert.Equal(1, lines.Value("mesh_policies"));
        Assert.Equal(1, lines.Value("mesh_pods"));
        Assert.Equal(2, lines.Value("mesh_tunnels", ("state", "open")));
        Assert.Equal(1, lines.Value("mesh_tunnels", ("state", "connecting")));
        Assert.Equal(7, lines.Value("mesh_tunnel_streams"));
        Assert.Equal(2, lines.Value("mesh_certificates", ("state", "Available")));
        Assert.Equal(1, lines.Value("mesh_certificates", ("state", "Initializing")));
        Assert.Equal(notBefore.AddDays(1).ToUnixTimeSeconds(), lines.Value("mesh_certificate_first_expiry_seconds"));
    }

    [Fact]
    public async Task Connections_are_shown_up_to_a_number_and_by_workload()
    {
        await using AdminFixture node = new();
        for (int index = 0; index < 10; index++)
        {
            node.Telemetry.ForLoop(index % 2).Opened(TestMesh.CartToStock(ConnectionPath.Outbound));
        }

        ConnectionRecord other = TestMesh.Accepted(ConnectionPath.InboundPlaintext);
        other.AddSent(5);
        node.Telemetry.ForLoop(1).Opened(other);
        await node.StartAsync();

        using (JsonDocument json = await JsonAsync(node, "/connections"))
        {
            Assert.Equal(11, json.RootElement.GetProperty("open").GetInt32());
            Assert.Equal(11, json.RootElement.GetProperty("connections").GetArrayLength());
            JsonElement shown = json.RootElement.GetProperty("connections").EnumerateArray()
                .Single(item => item.GetProperty("path").GetString() == "InboundPlaintext");
            Assert.Equal("10.1.0.5:40000", shown.GetProperty("client").GetString());
            Assert.Equal(5, shown.GetProperty("bytesSent").GetInt64());
            Assert.False(shown.TryGetProperty("sourceIdentity", out _));
        }

        using (JsonDocument json = await JsonAsync(node, "/connections?max=3"))
        {
            Assert.Equal(11, json.RootElement.GetProperty("open").GetInt32());
            Assert.Equal(3, json.RootElement.GetProperty("shown").GetInt32());
        }

        using (JsonDocument json = await JsonAsync(node, "/connections?workload=cart-1&max=100"))
        {
            Assert.Equal(10, json.RootElement.GetProperty("shown").GetInt32());
        }
    }

    [Theory]
    [InlineData("/connections?max=0")]
    [InlineData("/connections?max=-1")]
    [InlineData("/connections?max=many")]
    [InlineData("/clusters?format=yaml")]
    public async Task A_parameter_that_makes_no_sense_is_refused_by_name(string path)
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        (HttpStatusCode status, string text) = await node.GetAsync("address", path);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.StartsWith(path.Split('?')[1].Split('=')[0] + ":", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clusters_show_endpoints_and_tunnels_as_text_and_as_json()
    {
        await using AdminFixture node = new() { Current = Snapshot() };
        node.Tunnels.Add(new TunnelStatus("spiffe://a", "10.1.0.2", "spiffe://b", "10.2.0.7:15008", 3, 100, "open"));
        await node.StartAsync();

        Assert.Equal(
            "shop/stock.shop.svc.cluster.local:80::10.2.0.7:8080::protocol=hbone::health=healthy::weight=1::node=node-2"
            + "::workload=Kubernetes//Pod/shop/stock-1\n"
            + "tunnel::10.2.0.7:15008::state=open::streams=3/100::source=spiffe://a::source_address=10.1.0.2::destination=spiffe://b\n",
            (await node.GetAsync("address", "/clusters")).Text);

        using JsonDocument json = await JsonAsync(node, "/clusters?format=json");
        JsonElement endpoint = Assert.Single(json.RootElement.GetProperty("endpoints").EnumerateArray());
        Assert.Equal("10.2.0.7:8080", endpoint.GetProperty("address").GetString());
        Assert.Equal(3, Assert.Single(json.RootElement.GetProperty("tunnels").EnumerateArray()).GetProperty("streams").GetInt32());
    }

    private static MeshSnapshot Snapshot()
    {
        MeshSnapshot.Builder builder = TestMesh.Snapshot([TestMesh.Cart, s_stock], [s_service]).ToBuilder();
        AuthorizationMatch match = new()
        {
            Principals = [TextMatch.Exact("cluster.local/ns/shop/sa/cart")],
            SourceAddresses = [IpPrefix.Parse("10.0.0.0/8")],
            DestinationPorts = [8_080],
        };
        builder.SetPolicy(new AuthorizationPolicy("shop", "allow-cart")
        {
            Scope = PolicyScope.WorkloadSelector,
            Action = PolicyAction.Allow,
            Rules = [new AuthorizationRule([new AuthorizationClause([match])])],
        });
        return builder.Build();
    }

    private static CertificateStatus Status(string account, CertificateState state, X509Certificate2? certificate)
    {
        string pem = certificate?.ExportCertificatePem() ?? "";
        return new CertificateStatus(
            SpiffeId.Parse($"spiffe://cluster.local/ns/shop/sa/{account}"),
            state,
            certificate is null ? [] : [CertificateSummary.Of(certificate)],
            pem,
            pem,
            NextAttempt: null,
            LastError: null);
    }

    private static async Task<JsonDocument> JsonAsync(AdminFixture node, string path)
    {
        (HttpStatusCode status, string text) = await node.GetAsync("address", path);
        Assert.Equal(HttpStatusCode.OK, status);
        return JsonDocument.Parse(text);
    }

    private static IEnumerable<string?> Texts(JsonElement array) => array.EnumerateArray().Select(item => item.GetString());
}
