using Mesh.Control.Dialects;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Dialects;

/// <summary>Whose rules hold for whom, and what is kept from one translation to the next.</summary>
public sealed class TrafficTranslationTests : IDisposable
{
    private readonly ScratchDirectory _directory = new();
    private readonly MeshTranslator _translator = new(new TranslationOptions());

    public TrafficTranslationTests() => _directory.Write(
        "shop.yaml",
        Manifests.Service("shop", "stock", "10.96.0.1", "stock") + Manifests.Pod("shop", "stock", "10.0.0.1") + Manifests.Pod("web", "front", "10.0.0.2"));

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("v1")]
    [InlineData("v1beta1")]
    [InlineData("v1alpha3")]
    public async Task Every_version_that_is_served_is_read(string version)
    {
        _directory.Write("a.yaml", VirtualService("shop", "a").Replace("/v1\n", $"/{version}\n", StringComparison.Ordinal));
        _directory.Write("b.yaml", DestinationRule("shop", "a", "stock", "RANDOM").Replace("/v1\n", $"/{version}\n", StringComparison.Ordinal));
        TranslationResult result = await TranslateAsync();

        Assert.Empty(result.Diagnostics);
        Assert.Equal(["shop/a http[0]"], RoutesFor(result, "anyone"));
        Assert.Equal(BalancingAlgorithm.Random, BalancingFor(result, "anyone"));
    }

    [Fact]
    public async Task A_VirtualService_shown_to_its_own_namespace_goes_first_there_and_is_not_seen_elsewhere()
    {
        _directory.Write("a.yaml", VirtualService("shop", "a") + VirtualService("web", "own", ".") + VirtualService("shop", "b", "web"));
        TranslationResult result = await TranslateAsync();

        Assert.Equal(["shop/a http[0]"], RoutesFor(result, "anyone"));
        Assert.Equal(["web/own http[0]", "shop/b http[0]", "shop/a http[0]"], RoutesFor(result, "web"));
    }

    [Fact]
    public async Task Of_several_VirtualServices_the_oldest_goes_first_then_the_first_by_name_and_the_others_are_told()
    {
        _directory.Write(
            "a.yaml",
            VirtualService("shop", "z").Replace("name: z,", "name: z, creationTimestamp: '2026-01-01T00:00:00Z',", StringComparison.Ordinal)
                + VirtualService("shop", "b") + VirtualService("shop", "a"));
        TranslationResult result = await TranslateAsync();

        Assert.Equal(["shop/z http[0]", "shop/a http[0]", "shop/b http[0]"], RoutesFor(result, "anyone"));
        Assert.Equal(["a", "b"], result.Diagnostics.Where(found => found.Reason.Contains("too; the routes here", StringComparison.Ordinal)).Select(found => found.Object!.Value.Name).Order());
    }

    [Fact]
    public async Task A_DestinationRule_is_the_clients_own_else_the_services_else_the_root_namespaces()
    {
        const string Host = "stock.shop.svc.cluster.local";
        _directory.Write("root.yaml", DestinationRule("istio-system", "r", "'*.svc.cluster.local'", "RANDOM"));
        Assert.Equal(BalancingAlgorithm.Random, BalancingFor(await TranslateAsync(), "web"));

        _directory.Write("service.yaml", DestinationRule("shop", "s", "stock", "ROUND_ROBIN"));
        Assert.Equal(BalancingAlgorithm.RoundRobin, BalancingFor(await TranslateAsync(), "web"));

        _directory.Write("client.yaml", DestinationRule("web", "c", Host, "PASSTHROUGH"));
        TranslationResult result = await TranslateAsync();
        Assert.Equal(BalancingAlgorithm.Passthrough, BalancingFor(result, "web"));
        Assert.Equal(BalancingAlgorithm.RoundRobin, BalancingFor(result, "anyone"));

        // Shown to its own namespace alone, the service's rule leaves everyone else to the root namespace's.
        _directory.Write("service.yaml", DestinationRule("shop", "s", "stock, exportTo: [.]", "ROUND_ROBIN"));
        result = await TranslateAsync();
        Assert.Equal(BalancingAlgorithm.RoundRobin, BalancingFor(result, "shop"));
        Assert.Equal(BalancingAlgorithm.Random, BalancingFor(result, "anyone"));
        Assert.Equal(BalancingAlgorithm.Passthrough, BalancingFor(result, "web"));
    }

    [Fact]
    public async Task Within_a_namespace_the_most_specific_host_holds_and_rules_for_one_host_are_merged()
    {
        _directory.Write(
            "a.yaml",
            DestinationRule("shop", "wide", "'*.shop.svc.cluster.local'", "RANDOM")
                + """
                apiVersion: networking.istio.io/v1
                kind: DestinationRule
                metadata: {name: subsets, namespace: shop}
                spec: {host: stock, subsets: [{name: v1, labels: {app: stock}}]}
                ---

                """
                + DestinationRule("shop", "zz", "stock", "ROUND_ROBIN"));
        TranslationResult result = await TranslateAsync();

        TrafficScope scope = ScopeFor(result, "anyone");
        Assert.Equal(BalancingAlgorithm.RoundRobin, scope.Policies.Others.Balancing!.Algorithm);
        TrafficSubset subset = Assert.Single(scope.Subsets);
        Assert.Equal("shop/subsets/v1", subset.Key);
        Assert.Equal(BalancingAlgorithm.RoundRobin, subset.Policies.Others.Balancing!.Algorithm);
        Workload stock = result.Model.Namespaces["shop"].Workloads.Single(workload => workload.Name == "stock");
        Assert.Equal(["shop/subsets/v1"], Assert.Single(stock.Services).Subsets);
    }

    [Fact]
    public async Task What_did_not_change_is_not_translated_again()
    {
        using var elsewhere = new ScratchDirectory();
        elsewhere.Write("pod.yaml", Manifests.Pod("web", "another", "10.0.0.9"));
        _directory.Write("a.yaml", VirtualService("shop", "a"));
        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);
        ManifestSnapshot more = await Manifests.ReadAsync(elsewhere.Path);

        ServiceTraffic first = Assert.Single(_translator.Translate(snapshot.Objects).Model.Traffic);

        Assert.Same(first, Assert.Single(_translator.Translate([.. snapshot.Objects, .. more.Objects]).Model.Traffic));
        Assert.Empty(_translator.Translate([.. snapshot.Objects.Where(source => source.Key.Kind != "VirtualService")]).Model.Traffic);
    }

    [Fact]
    public async Task A_client_selected_by_labels_comes_and_goes_with_its_pod()
    {
        _directory.Write("a.yaml", VirtualService("shop", "a").Replace("- route:", "- match: [{sourceLabels: {app: late}}]\n    route:", StringComparison.Ordinal));
        Assert.Empty(UidsOf(await TranslateAsync()));

        _directory.Write("late.yaml", Manifests.Pod("web", "late", "10.0.0.9"));
        Assert.Equal(["Kubernetes//Pod/web/late"], UidsOf(await TranslateAsync()));
    }

    [Fact]
    public async Task A_broken_rule_leaves_its_last_good_version_in_force()
    {
        _directory.Write("a.yaml", VirtualService("shop", "a"));
        _ = await TranslateAsync();
        _directory.Write("a.yaml", VirtualService("shop", "a").Replace("{host: stock.", "{hots: stock.", StringComparison.Ordinal));
        TranslationResult result = await TranslateAsync();

        Assert.Equal(["shop/a http[0]"], RoutesFor(result, "anyone"));
        Assert.Contains(result.Diagnostics, found => found.Severity == DiagnosticSeverity.Error && found.Field.EndsWith("destination.hots", StringComparison.Ordinal));
    }

    private static string VirtualService(string @namespace, string name, string exportTo = "") => $$"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: {{name}}, namespace: {{@namespace}} }
        spec:
          hosts: [stock.shop.svc.cluster.local]
          exportTo: [{{exportTo}}]
          http:
          - route: [{destination: {host: stock.shop.svc.cluster.local} }]
        ---

        """;

    private static string DestinationRule(string @namespace, string name, string host, string simple) => $$"""
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: {{name}}, namespace: {{@namespace}} }
        spec: {host: {{host}}, trafficPolicy: {loadBalancer: {simple: {{simple}} } } }
        ---

        """;

    private async Task<TranslationResult> TranslateAsync() => _translator.Translate((await Manifests.ReadAsync(_directory.Path)).Objects);

    private static TrafficScope ScopeFor(TranslationResult result, string client)
    {
        ServiceTraffic traffic = Assert.Single(result.Model.Traffic);
        return traffic.Scopes.SingleOrDefault(scope => scope.ClientNamespace == client) ?? traffic.Scopes[0];
    }

    private static IEnumerable<string> RoutesFor(TranslationResult result, string client) =>
        Assert.Single(ScopeFor(result, client).Ports).Routes.Select(route => route.Name);

    private static BalancingAlgorithm BalancingFor(TranslationResult result, string client) =>
        ScopeFor(result, client).Policies.Others.Balancing!.Algorithm;

    private static IEnumerable<string> UidsOf(TranslationResult result) =>
        Assert.Single(Assert.Single(ScopeFor(result, "anyone").Ports).Routes).Matches[0].Source!.WorkloadUids!.Value;
}
