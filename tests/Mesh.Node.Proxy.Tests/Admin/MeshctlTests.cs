using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Api.Identity;
using Mesh.Node.Model;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Tests.Telemetry;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Admin;

/// <summary>What meshctl reads of a proxy's pages is what a proxy's pages say.</summary>
public sealed class MeshctlTests
{
    private static readonly Service s_service = TestMesh.StockService with
    {
        Addresses = [new NetworkPrefix("", IpPrefix.Parse("10.96.0.7/32"))],
        Ports = [new ServicePort(80, 8_080, PortProtocol.Http)],
    };

    private static readonly Workload s_stock = TestMesh.Stock with
    {
        Addresses = [IPAddress.Parse("10.2.0.7")],
        TunnelProtocol = TunnelProtocol.Hbone,
        Node = "node-2",
        Services = [new ServiceMembership(s_service.Key, [])],
        AuthorizationPolicies = ["shop/deny-all"],
    };

    [Theory]
    [InlineData("services", "shop stock.shop.svc.cluster.local 10.96.0.7 80:8080 1")]
    [InlineData("endpoints", "shop/stock.shop.svc.cluster.local 80 10.2.0.7:8080 hbone healthy 1")]
    [InlineData("workloads", "shop stock-1 10.2.0.7 node-2 HBONE Healthy")]
    [InlineData("certificates", "spiffe://cluster.local/ns/shop/sa/cart Available 2025-01-03T03:04:05Z 0A")]
    public async Task Each_part_is_a_table_without_holes(string part, string expected)
    {
        await using AdminFixture node = await StartAsync();

        (int code, string output, string errors) = await ProgramRun.OfAsync("meshctl", "config", Address(node), part);

        string[][] rows =
            [.. output.TrimEnd('\n').Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        Assert.Equal((0, ""), (code, errors));
        Assert.Contains(expected, rows.Select(row => string.Join(' ', row)));
        Assert.All(rows, row => Assert.Equal(rows[0].Length, row.Length));
    }

    [Theory]
    [InlineData("policies", "name: deny-all")]
    [InlineData("traffic", "[]")]
    public async Task What_is_nested_is_shown_as_it_is(string part, string expected)
    {
        await using AdminFixture node = await StartAsync();

        (int code, string output, string errors) = await ProgramRun.OfAsync("meshctl", "config", Address(node), part);

        Assert.Equal((0, ""), (code, errors));
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_asks_the_page_in_the_words_it_understands()
    {
        await using AdminFixture node = await StartAsync();

        (int code, string output, string errors) = await ProgramRun.OfAsync(
            "meshctl", "explain", "--from", "shop/cart-1", "--to", "stock:80", "--method", "POST", "--path", "/items?a=b%20c&d=1",
            "-H", "x-user: 7", "--proxy", Address(node));
        (int refused, _, string unknown) = await ProgramRun.OfAsync(
            "meshctl", "explain", "--from", "shop/nobody", "--to", "stock:80", "--proxy", Address(node));

        Assert.Equal((0, ""), (code, errors));
        Assert.StartsWith($"# {Address(node)}\n", output, StringComparison.Ordinal);
        Assert.Contains("stock.shop.svc.cluster.local", output, StringComparison.Ordinal);
        Assert.Contains("shop/deny-all", output, StringComparison.Ordinal);
        Assert.Equal(1, refused);
        Assert.Contains("no workload is called 'shop/nobody'", unknown, StringComparison.Ordinal);
    }

    private static async Task<AdminFixture> StartAsync()
    {
        AuthorizationMatch cart = new() { Principals = [TextMatch.Exact("cluster.local/ns/shop/sa/cart")] };
        MeshSnapshot.Builder builder = TestMesh.Snapshot([TestMesh.Cart, s_stock], [s_service]).ToBuilder();
        builder.SetPolicy(new AuthorizationPolicy("shop", "deny-all")
        {
            Scope = PolicyScope.WorkloadSelector,
            Action = PolicyAction.Deny,
            Rules = [new AuthorizationRule([new AuthorizationClause([cart])])],
        });
        AdminFixture node = new() { Current = builder.Build() };
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=test", key, HashAlgorithmName.SHA256);
        DateTimeOffset notBefore = new(2025, 1, 2, 3, 4, 5, TimeSpan.Zero);
        using X509Certificate2 certificate = request.Create(
            new X500DistinguishedName("CN=test"), X509SignatureGenerator.CreateForECDsa(key), notBefore, notBefore.AddDays(1), [10]);
        node.Certificates.Add(new CertificateStatus(
            SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/cart"),
            CertificateState.Valid,
            [CertificateSummary.Of(certificate)],
            certificate.ExportCertificatePem(),
            certificate.ExportCertificatePem(),
            NextAttempt: null,
            LastError: null));
        await node.StartAsync();
        return node;
    }

    private static string Address(AdminFixture node) => node.Uri("address", "/").Authority;
}
