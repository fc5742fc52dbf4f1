using System.Text.Json.Nodes;
using Mesh.Control.Model.Status;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Control.Tests.Support;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>Objects are told in their status what became of them, and nothing of others is touched.</summary>
public sealed class StatusTests : IAsyncLifetime
{
    private const string Policy = """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: {name: allow, namespace: shop}
        spec: {action: ALLOW, rules: [{from: [{source: {principals: ["*"]}}]}]}
        """;

    private ApiServer _server = null!;
    private TestControlPlane _control = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        foreach (WatchedKind kind in WatchedKinds.All.Where(kind => ApiResource.BuiltIn.All(known => known.Kind != kind.Kind)))
        {
            _server.Define(new ApiResource(kind.Group, kind.Versions[0], kind.Plural, kind.Kind));
        }

        _server.Apply(
            Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1") + Manifests.Service("shop", "cart", "10.96.0.1", "cart"));
        _control = new TestControlPlane { Kubeconfig = _server.Kubeconfig, IsWriting = true };
    }

    public async ValueTask DisposeAsync()
    {
        await _control.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_policy_is_told_whether_it_holds_and_conditions_of_others_stay()
    {
        _server.Apply(Policy + """

            status:
              observedGeneration: 1
              conditions:
              - {type: Reconciled, status: "True", reason: theirs, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}
            """);
        await _control.StartAsync();
        await Eventually.TrueAsync(() => Accepted("AuthorizationPolicy")?["status"]?.GetValue<string>() == "True", "told that it holds");
        JsonObject first = Accepted("AuthorizationPolicy")!;

        JsonObject broken = Stored("AuthorizationPolicy");
        broken["spec"]!["action"] = "PERHAPS";
        Assert.Equal(200, _server.Of("AuthorizationPolicy").Replace(new ApiPath("authorizationpolicies", "shop", "allow", ""), broken).Code);

        await Eventually.TrueAsync(() => Accepted("AuthorizationPolicy")?["status"]?.GetValue<string>() == "False", "told that it does not");
        JsonObject second = Accepted("AuthorizationPolicy")!;
        Assert.Equal(1, first["observedGeneration"]!.GetValue<long>());
        Assert.Equal(2, second["observedGeneration"]!.GetValue<long>());
        Assert.Contains("spec.action", second["message"]!.GetValue<string>(), StringComparison.Ordinal);
        JsonObject status = Stored("AuthorizationPolicy")["status"]!.AsObject();
        Assert.Equal("theirs", status["conditions"]![0]!["reason"]!.GetValue<string>());
        Assert.Equal(1, status["observedGeneration"]!.GetValue<long>());
        Assert.Equal(2, status["conditions"]!.AsArray().Count);
    }

    [Fact]
    public async Task What_is_found_is_in_the_status_by_its_code_and_messages_of_others_stay()
    {
        _server.Apply("""
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: cart, namespace: shop}
            spec: {hosts: [cart], http: [{route: [{destination: {host: crat}}]}]}
            status:
              validationMessages:
              - {type: {code: IST0999, name: Theirs}, level: INFO, documentationUrl: "https://example.org/ist0999"}
            """);
        await _control.StartAsync();
        await Eventually.TrueAsync(() => Codes("VirtualService").Contains("ERROR IST0101"), "told what is missing");

        JsonObject status = Stored("VirtualService")["status"]!.AsObject();
        Assert.Equal("INFO IST0999", Codes("VirtualService")[0]);
        Assert.Equal(1, status["observedGeneration"]!.GetValue<long>());
        Assert.Equal("True", Condition("VirtualService", "Reconciled")!["status"]!.GetValue<string>());
        Assert.Equal("True", Accepted("VirtualService")!["status"]!.GetValue<string>());
        Assert.Contains("[IST0101] spec.http[0].route[0].destination.host:", Accepted("VirtualService")!["message"]!.GetValue<string>());
        Assert.StartsWith(
            "https://istio.io/latest/docs/reference/config/analysis/ist0101/",
            status["validationMessages"]![1]!["documentationUrl"]!.GetValue<string>(),
            StringComparison.Ordinal);

        JsonObject refused = Stored("VirtualService");
        refused["spec"]!["http"]![0]!["timeout"] = "soon";
        Replace("virtualservices", refused);
        await Eventually.TrueAsync(() => Codes("VirtualService").Contains("ERROR IST0106"), "told that it is refused");
        Assert.Equal("False", Condition("VirtualService", "Reconciled")!["status"]!.GetValue<string>());
        Assert.Equal(2, Stored("VirtualService")["status"]!["observedGeneration"]!.GetValue<long>());

        JsonObject mended = Stored("VirtualService");
        mended["spec"]!["http"] = JsonNode.Parse("""[{"route": [{"destination": {"host": "cart"}}]}]""");
        Replace("virtualservices", mended);
        await Eventually.TrueAsync(() => Codes("VirtualService").SequenceEqual(["INFO IST0999"]), "all of ours taken back");
        Assert.Equal("True", Condition("VirtualService", "Reconciled")!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_route_is_told_of_its_parents_of_ours_and_entries_of_others_stay()
    {
        _server.Apply("""
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: cart, namespace: shop}
            spec:
              parentRefs: [{group: "", kind: Service, name: cart}, {name: a-gateway}]
              rules: [{backendRefs: [{name: cart, port: 80}]}]
            status:
              parents:
              - parentRef: {name: a-gateway}
                controllerName: example.org/theirs
                conditions: [{type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}]
              - parentRef: {group: "", kind: Service, name: one-that-was}
                controllerName: mesh-node.io/mesh-controller
                conditions: []
            """);
        await _control.StartAsync();
        await Eventually.TrueAsync(() => Ours().Count == 1 && Ours()[0]["conditions"]!.AsArray().Count > 0, "told");

        JsonObject ours = Ours()[0];
        Assert.Equal("cart", ours["parentRef"]!["name"]!.GetValue<string>());
        Assert.Equal(
            ["Accepted True", "ResolvedRefs True"],
            ours["conditions"]!.AsArray().Select(condition => $"{condition!["type"]} {condition["status"]}").Order());
        Assert.Equal(2, Stored("HTTPRoute")["status"]!["parents"]!.AsArray().Count);
        JsonObject route = Stored("HTTPRoute");
        route["spec"]!["parentRefs"] = new JsonArray(new JsonObject { ["name"] = "a-gateway" });
        _server.Of("HTTPRoute").Replace(new ApiPath("httproutes", "shop", "cart", ""), route);

        await Eventually.TrueAsync(() => Ours().Count == 0, "taken back");
        Assert.Equal(
            "example.org/theirs", Stored("HTTPRoute")["status"]!["parents"]!.AsArray().Single()!["controllerName"]!.GetValue<string>());
    }

    [Fact]
    public async Task What_is_there_already_is_not_written_again_and_a_conflict_is()
    {
        _server.Apply(Policy);
        bool isConflicting = true;
        _server.FaultWhile(
            () => Volatile.Read(ref isConflicting),
            target => target.EndsWith("/allow/status", StringComparison.Ordinal),
            context =>
            {
                Volatile.Write(ref isConflicting, false);
                return ApiServer.FailAsync(context, 409, "Conflict", "the object has been modified");
            });
        await _control.StartAsync();
        await Eventually.TrueAsync(() => Accepted("AuthorizationPolicy") is not null, "told in the end");
        int written = Writes();

        // Another object makes everything be looked at again; by the time it is told, the first would have been.
        _server.Apply(Policy.Replace("name: allow", "name: another", StringComparison.Ordinal));
        await Eventually.TrueAsync(() => _server.Requests.Any(target => target.EndsWith("/another/status", StringComparison.Ordinal)), "told");
        Assert.Equal(written, Writes());
    }

    private int Writes() => _server.Requests.Count(target => target.EndsWith("/allow/status", StringComparison.Ordinal));

    private JsonObject Stored(string kind) => (JsonObject)_server.Of(kind).List().Items[0].DeepClone();

    private void Replace(string plural, JsonObject written) => Assert.Equal(
        200,
        _server.Of(written["kind"]!.GetValue<string>())
            .Replace(new ApiPath(plural, "shop", written["metadata"]!["name"]!.GetValue<string>(), ""), written).Code);

    /// <summary>Level and code of each message, in order.</summary>
    private string[] Codes(string kind) => [.. (Stored(kind)["status"]?["validationMessages"] as JsonArray ?? [])
        .Select(message => $"{message!["level"]} {message["type"]!["code"]}")];

    private JsonObject? Accepted(string kind) => Condition(kind, "mesh-node.io/Accepted");

    private JsonObject? Condition(string kind, string type) => (Stored(kind)["status"]?["conditions"] as JsonArray ?? [])
        .SingleOrDefault(condition => condition!["type"]!.GetValue<string>() == type)?.AsObject();

    private List<JsonObject> Ours() => [.. (Stored("HTTPRoute")["status"]?["parents"] as JsonArray ?? [])
        .Where(entry => entry!["controllerName"]!.GetValue<string>() == ObjectStatus.ControllerName).Select(entry => entry!.AsObject())];
}
