using Mesh.Control.Dialects;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Dialects;

/// <summary>
/// What a translator keeps from one translation to the next: last good versions, and everything that need not be done again.
/// </summary>
public sealed class MeshTranslatorTests : IDisposable
{
    private const string Policy = """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: p, namespace: shop}
        spec: {action: DENY, rules: [{from: [{source: {namespaces: [NAME]}}]}]}
        """;

    private readonly ScratchDirectory _directory = new();
    private readonly MeshTranslator _translator = new(new TranslationOptions());

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_broken_object_keeps_its_last_good_version()
    {
        _directory.Write("a.yaml", Policy.Replace("NAME", "first", StringComparison.Ordinal));
        Assert.Empty((await TranslateAsync()).Diagnostics);

        _directory.Write("a.yaml", Policy.Replace("NAME", "", StringComparison.Ordinal));
        TranslationResult broken = await TranslateAsync();
        Assert.Equal("first", PolicyNamespace(broken));
        Assert.Contains(
            broken.Diagnostics,
            found => found.Severity == DiagnosticSeverity.Error && found.Field.StartsWith("spec.rules[0]", StringComparison.Ordinal));
        Assert.Contains(broken.Diagnostics, found => found.Reason.Contains("last good version", StringComparison.Ordinal));

        // Still broken, in another way: still the last good one.
        _directory.Write("a.yaml", Policy.Replace("[NAME]", "7", StringComparison.Ordinal));
        Assert.Equal("first", PolicyNamespace(await TranslateAsync()));

        _directory.Write("a.yaml", Policy.Replace("NAME", "second", StringComparison.Ordinal));
        TranslationResult repaired = await TranslateAsync();
        Assert.Equal("second", PolicyNamespace(repaired));
        Assert.Empty(repaired.Diagnostics);
    }

    [Fact]
    public async Task A_route_of_which_some_rules_are_wrong_falls_back_and_says_so()
    {
        const string Route = """
            apiVersion: v1
            kind: Service
            metadata: {name: cart, namespace: shop}
            spec: {clusterIP: 10.96.0.1, selector: {app: cart}, ports: [{name: http, port: 80}]}
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: cart, namespace: shop, generation: GENERATION}
            spec:
              parentRefs: [{group: "", kind: Service, name: cart}]
              rules:
              - {matches: [{path: {value: /FIRST}}], backendRefs: [{name: cart, port: 80}]}
              - {matches: [{path: {value: /SECOND}}], backendRefs: [{name: cart, port: 80}]}
            """;
        TranslationResult good = await WriteAsync("1", "a", "b");
        Assert.Equal(["Accepted=True@", "ResolvedRefs=True@"], Conditions(good));

        TranslationResult partly = await WriteAsync("2", "a", "b//c");
        Assert.Equal(["Accepted=True@1", "ResolvedRefs=True@1", "PartiallyInvalid=True@"], Conditions(partly));
        ObjectStatus status = Assert.Single(partly.Statuses);
        Assert.Equal(2, status.ObservedGeneration);
        StatusCondition wrong = status.Parents[0].Conditions[^1];
        Assert.Equal(ConditionReasons.UnsupportedValue, wrong.Reason);
        Assert.StartsWith("Fall Back: the version of generation 1 holds. spec.rules[1].", wrong.Message, StringComparison.Ordinal);
        Assert.Equal(["/a", "/b"], Paths(good));
        Assert.Equal(["/a", "/b"], Paths(partly));

        Assert.Equal(["Accepted=False@"], Conditions(await WriteAsync("3", "a//c", "b//c")));
        Assert.Equal(["Accepted=True@", "ResolvedRefs=True@"], Conditions(await WriteAsync("4", "b", "a")));

        Task<TranslationResult> WriteAsync(string generation, string first, string second)
        {
            _directory.Write("a.yaml", Route.Replace("GENERATION", generation, StringComparison.Ordinal)
                .Replace("FIRST", first, StringComparison.Ordinal).Replace("SECOND", second, StringComparison.Ordinal));
            return TranslateAsync();
        }

        static IEnumerable<string> Paths(TranslationResult result) => Assert.Single(result.Model.Traffic).Scopes[0].Ports[0].Routes
            .Select(route => route.Matches[0].Path!.Text);

        static IEnumerable<string> Conditions(TranslationResult result) => Assert.Single(Assert.Single(result.Statuses).Parents)
            .Conditions.Select(condition => $"{condition.Type}={condition.IsTrue}@{condition.ObservedGeneration}");
    }

    [Fact]
    public async Task A_policy_that_was_never_good_is_read_anew_each_time_it_changes()
    {
        const string Broken = """
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: p, namespace: shop}
            spec: {selector: {matchLabels: {app: NAME}}, action: DENY, rules: [{from: [{source: {nmespaces: [a]}}]}]}
            """;
        _directory.Write("pods.yaml", Manifests.Pod("shop", "cart", "10.0.0.1") + Manifests.Pod("shop", "db", "10.0.0.2"));
        _directory.Write("a.yaml", Broken.Replace("NAME", "cart", StringComparison.Ordinal));
        Assert.Equal(["cart"], Selected(await TranslateAsync()));

        // Still broken, but meant for somebody else: keeping to the strict reading of before would leave the other one open.
        _directory.Write("a.yaml", Broken.Replace("NAME", "db", StringComparison.Ordinal));
        Assert.Equal(["db"], Selected(await TranslateAsync()));

        static IEnumerable<string> Selected(TranslationResult result) => result.Model.Namespaces["shop"].Workloads
            .Where(workload => workload.Policies.Contains("shop/p"))
            .Select(workload => workload.Name);
    }

    [Fact]
    public async Task A_broken_pod_keeps_its_last_good_version_until_it_is_deleted()
    {
        _directory.Write("a.yaml", Manifests.Pod("shop", "cart", "10.0.0.1"));
        await TranslateAsync();

        _directory.Write("a.yaml", Manifests.Pod("shop", "cart", "10.0.0.999"));
        Assert.Equal("10.0.0.1", Assert.Single((await TranslateAsync()).Model.Namespaces["shop"].Workloads).Addresses[0].ToString());

        File.Delete(_directory["a.yaml"]);
        Assert.False((await TranslateAsync()).Model.Namespaces.ContainsKey("shop"));

        // Gone is gone: what comes back broken has no earlier version.
        _directory.Write("a.yaml", Manifests.Pod("shop", "cart", "10.0.0.999"));
        Assert.Empty((await TranslateAsync()).Model.Namespaces["shop"].Workloads);
    }

    [Fact]
    public async Task A_namespace_that_did_not_change_is_not_translated_again()
    {
        _directory.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1"));
        _directory.Write("b.yaml", Manifests.Namespace("other") + Manifests.Pod("other", "cart", "10.0.0.2"));
        List<RawObject> objects = [.. (await Manifests.ReadAsync(_directory.Path)).Objects];
        MeshModel before = _translator.Translate([.. objects]).Model;

        MeshModel same = _translator.Translate([.. objects]).Model;
        Assert.Same(before.Namespaces["shop"], same.Namespaces["shop"]);

        _directory.Write("b.yaml", Manifests.Namespace("other") + Manifests.Pod("other", "cart", "10.0.0.3"));
        RawObject changed = (
            await Manifests.ReadAsync(_directory.Path)).Objects.Single(found => found.Key.Namespace == "other" && found.Key.Kind == "Pod");
        objects[objects.FindIndex(found => found.Key == changed.Key)] = changed;
        MeshModel after = _translator.Translate([.. objects]).Model;
        Assert.Same(before.Namespaces["shop"], after.Namespaces["shop"]);
        Assert.NotSame(before.Namespaces["other"], after.Namespaces["other"]);
        Assert.Equal("10.0.0.3", after.Namespaces["other"].Workloads[0].Addresses[0].ToString());
    }

    [Fact]
    public async Task A_mesh_wide_policy_reaches_namespaces_that_did_not_change()
    {
        _directory.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1"));
        List<RawObject> objects = [.. (await Manifests.ReadAsync(_directory.Path)).Objects];
        Assert.Empty(_translator.Translate([.. objects]).Model.Namespaces["shop"].Workloads[0].Policies);

        _directory.Write("b.yaml", Manifests.Strict("istio-system"));
        objects.Add((await Manifests.ReadAsync(_directory.Path)).Objects.Single(found => found.Key.Kind == "PeerAuthentication"));

        Assert.Equal(
            ["istio-system/istio_converted_static_strict"],
            _translator.Translate([.. objects]).Model.Namespaces["shop"].Workloads[0].Policies);
    }

    [Fact]
    public async Task Where_agents_say_it_a_pod_is_reached_by_HBONE_once_its_capture_stands()
    {
        var waiting = new MeshTranslator(new TranslationOptions { AwaitsCapture = true });
        string pod = Manifests.Pod("shop", "cart", "10.0.0.1");
        _directory.Write("a.yaml", Manifests.Namespace("shop") + pod + Manifests.Strict("shop"));
        TranslationResult before = waiting.Translate((await Manifests.ReadAsync(_directory.Path)).Objects);
        Assert.Equal(TunnelProtocol.None, before.Model.Namespaces["shop"].Workloads[0].Tunnel);

        // It is about to be captured: nobody is told that a policy is not enforced there.
        Assert.Empty(before.Diagnostics);

        _directory.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Strict("shop") + pod.Replace(
            "metadata:", "metadata:\n  annotations: {ambient.istio.io/redirection: enabled}", StringComparison.Ordinal));
        TranslationResult after = waiting.Translate((await Manifests.ReadAsync(_directory.Path)).Objects);
        Assert.Equal(TunnelProtocol.Hbone, after.Model.Namespaces["shop"].Workloads[0].Tunnel);

        // Its label decides first: where it asks no more, others stop before the agent has said anything.
        _directory.Write("a.yaml", File.ReadAllText(Path.Combine(_directory.Path, "a.yaml")).Replace(
            Manifests.Namespace("shop"), "", StringComparison.Ordinal));
        TranslationResult left = waiting.Translate((await Manifests.ReadAsync(_directory.Path)).Objects);
        Assert.Equal(TunnelProtocol.None, left.Model.Namespaces["shop"].Workloads[0].Tunnel);
    }

    [Fact]
    public async Task A_namespaces_label_reaches_its_pods()
    {
        _directory.Write("a.yaml", Manifests.Pod("shop", "cart", "10.0.0.1"));
        Assert.Equal(TunnelProtocol.None, (await TranslateAsync()).Model.Namespaces["shop"].Workloads[0].Tunnel);
        _directory.Write("b.yaml", Manifests.Namespace("shop"));
        Assert.Equal(TunnelProtocol.Hbone, (await TranslateAsync()).Model.Namespaces["shop"].Workloads[0].Tunnel);
    }

    [Fact]
    public async Task A_node_runs_what_its_live_pods_say_and_nothing_else()
    {
        _directory.Write(
            "a.yaml",
            Manifests.Pod("shop", "cart", "10.0.0.1", "node-1", "cart") + Manifests.Pod("shop", "stock", "10.0.0.2", "node-2", "stock"));

        MeshModel model = (await TranslateAsync()).Model;

        Assert.True(model.RunsOn("node-1", "shop", "cart"));
        Assert.False(model.RunsOn("node-2", "shop", "cart"));
        Assert.False(model.RunsOn("node-1", "shop", "stock"));
        Assert.False(model.RunsOn("node-1", "other", "cart"));
        Assert.False(model.RunsOn(string.Empty, "shop", "cart"));
    }

    private static string PolicyNamespace(TranslationResult result) =>
        result.Model.Namespaces["shop"].Policies[0].Rules[0].Clauses[0].Matches[0].Namespaces[0].Text;

    private async Task<TranslationResult> TranslateAsync() => _translator.Translate((await Manifests.ReadAsync(_directory.Path)).Objects);
}
