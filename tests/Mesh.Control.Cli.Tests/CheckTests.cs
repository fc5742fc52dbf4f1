using System.Text.Json.Nodes;
using Mesh.Control.Cli.Definitions;
using Mesh.Control.Cli.Installation;
using Mesh.Testing.Kubernetes;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>meshctl check says of each condition how it stands, and fails only where the mesh would not work.</summary>
public sealed class CheckTests : IDisposable
{
    private const string DefinitionKind = "CustomResourceDefinition";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("mesh-check-");

    [Fact]
    public async Task A_cluster_that_is_fit_passes()
    {
        await using ApiServer server = await StartAsync("36", isAllowed: true);

        CliResult result = await CheckAsync(server);

        Assert.Equal(
            [
                "ok API server: Kubernetes 1.36",
                "ok rights: all that installing takes",
                $"ok definitions: {Kinds.All.Length} of {Kinds.All.Length} will be installed",
                "ok other meshes: none found",
                "ok nodes: 1 of Linux, kernels 6.12.1",
            ],
            LinesOf(result));
        Assert.Equal((ExitCode.Fine, ""), (result.Code, result.Errors));
    }

    [Fact]
    public async Task What_stands_in_the_way_fails_with_advice()
    {
        await using ApiServer server = await StartAsync("29+", isAllowed: false);
        JsonObject old = Kinds.All.Single(known => known.Kind == "HTTPRoute").ToJson();
        old["metadata"]!.AsObject().Remove("labels");
        foreach (JsonNode? version in old["spec"]!["versions"]!.AsArray())
        {
            version!["name"] = $"v1alpha{version["name"]!.GetValue<string>().Length}";
        }

        server.Of(DefinitionKind).Put(old);
        server.Apply("""
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: cilium-config, namespace: kube-system}
            data: {cni-exclusive: "true", kube-proxy-replacement: "true"}
            ---
            apiVersion: apps/v1
            kind: DaemonSet
            metadata: {name: ztunnel, namespace: istio-system}
            """);

        CliResult result = await CheckAsync(server);

        Assert.Equal(ExitCode.Failed, result.Code);
        string[] states = [.. LinesOf(result).Select(line => line.Split(':')[0])];
        Assert.Equal(
            [
                "fail API server", "fail rights", "ok definitions", "fail httproutes.gateway.networking.k8s.io", "warn other meshes",
                "fail Cilium", "warn Cilium", "ok nodes",
            ],
            states);
        Assert.All(ChecksOf(result).Where(check => check["state"]!.GetValue<string>() != "ok"), check =>
            Assert.NotEmpty(check["advice"]!.GetValue<string>()));
    }

    [Fact]
    public async Task What_may_not_be_read_is_passed_over_with_a_word()
    {
        await using ApiServer server = await StartAsync("36", isAllowed: true);
        server.Fault(
            target => target == "/api/v1/nodes",
            context => ApiServer.FailAsync(context, 403, "Forbidden", "nodes is forbidden"));

        CliResult result = await CheckAsync(server);

        Assert.Equal(ExitCode.Fine, result.Code);
        Assert.Contains("warn nodes: 403: nodes is forbidden", LinesOf(result));
    }

    [Fact]
    public void A_node_is_looked_at_by_what_its_kernel_has()
    {
        Write("proc/sys/kernel/osrelease", "6.12.1\n");
        Write("lib/modules/6.12.1/modules.builtin", "kernel/net/netfilter/nf_conntrack.ko\n");
        Write("lib/modules/6.12.1/modules.dep", "kernel/net/netfilter/nf_tables.ko.xz:\nkernel/net/netfilter/nft_tproxy.ko.xz: kernel/a.ko\n");
        Write("etc/cni/net.d/10-net.conflist", "{}");

        CheckResult[] results = [.. new NodeCheck(_root.FullName).Run()];

        Assert.All(results, result => Assert.Equal(CheckState.Ok, result.State));
        Assert.Contains(results, result => result is { About: "TPROXY", Says: "nft_tproxy" });
        Write("lib/modules/6.12.1/modules.dep", "kernel/net/netfilter/nf_tables.ko.xz:\n");
        Assert.Contains(new NodeCheck(_root.FullName).Run(), result => result is { About: "TPROXY", State: CheckState.Fail });
    }

    public void Dispose() => _root.Delete(recursive: true);

    private static async Task<ApiServer> StartAsync(string minor, bool isAllowed)
    {
        ApiServer server = await ApiServer.StartAsync();
        server.Define(new ApiResource("apiextensions.k8s.io", "v1", "customresourcedefinitions", DefinitionKind, IsNamespaced: false));
        server.Define(new ApiResource("apps", "v1", "daemonsets", "DaemonSet"));
        server.Define(new ApiResource("apps", "v1", "deployments", "Deployment"));
        server.Apply("""
            apiVersion: v1
            kind: Node
            metadata: {name: node-1}
            status: {nodeInfo: {operatingSystem: linux, kernelVersion: 6.12.1}}
            """);
        server.FaultWhile(
            () => true,
            target => target == "/version",
            context => context.Response.WriteAsync($$"""{"major": "1", "minor": "{{minor}}"}"""));
        server.FaultWhile(
            () => true,
            target => target.EndsWith("/selfsubjectaccessreviews", StringComparison.Ordinal),
            context =>
            {
                context.Response.StatusCode = 201;
                return context.Response.WriteAsync(
                    $$$"""{"kind": "SelfSubjectAccessReview", "status": {"allowed": {{{(isAllowed ? "true" : "false")}}}}}""");
            });
        return server;
    }

    private void Write(string path, string text)
    {
        string file = Path.Combine(_root.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private static Task<CliResult> CheckAsync(ApiServer server) =>
        Cli.RunAsync("check", "--kubeconfig", server.Kubeconfig, "-o", "json");

    private static IEnumerable<JsonNode> ChecksOf(CliResult result) =>
        JsonNode.Parse(result.Output)!["checks"]!.AsArray().Select(check => check!);

    private static string[] LinesOf(CliResult result) =>
        [.. ChecksOf(result).Select(check => $"{check["state"]} {check["about"]}: {check["found"]}")];
}
