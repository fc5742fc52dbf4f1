using System.Collections.Immutable;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Control.Analysis;
using Mesh.Control.Cluster;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Tests.Support;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>What would be refused once it is there is refused before it is, and what is there already can be changed back.</summary>
public sealed class AdmissionTests
{
    private const string Good = """{"action": "ALLOW", "rules": [{"from": [{"source": {"principals": ["*"]}}]}]}""";
    private const string Broken = """{"action": "PERHAPS"}""";

    [Fact]
    public void A_policy_that_would_be_refused_is_denied_with_what_is_wrong_where()
    {
        JsonObject answer = Answer(Review(Broken));

        Assert.False(answer["allowed"]!.GetValue<bool>());
        Assert.Equal("the-uid", answer["uid"]!.GetValue<string>());
        Assert.Contains("spec.action", answer["status"]!["message"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_holds_passes_and_what_is_ignored_is_warned_of()
    {
        JsonObject good = Answer(Review(Good));
        JsonObject unknown = Answer(Review(Good.Replace("\"action\"", "\"unheardOf\": 1, \"action\"", StringComparison.Ordinal)));

        Assert.True(good["allowed"]!.GetValue<bool>());
        Assert.Null(good["warnings"]);
        Assert.Contains("unheardOf", unknown.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public void One_that_is_broken_already_can_be_labelled_and_other_kinds_are_nobodys_business()
    {
        JsonObject labelled = Review(Broken);
        labelled["request"]!["oldObject"] = labelled["request"]!["object"]!.DeepClone();
        labelled["request"]!["object"]!["metadata"]!["labels"] = new JsonObject { ["a"] = "b" };
        JsonObject other = Review(Broken);
        other["request"]!["resource"]!["resource"] = "gateways";
        JsonObject deleted = Review(Broken);
        deleted["request"]!["object"] = null;

        Assert.All(new[] { labelled, other, deleted }, review => Assert.True(Answer(review)["allowed"]!.GetValue<bool>()));
    }

    [Fact]
    public void One_that_is_to_be_named_by_the_api_server_is_read_all_the_same()
    {
        JsonObject review = Review(Broken);
        review["request"]!["object"]!["metadata"] = new JsonObject { ["generateName"] = "policy-" };

        Assert.False(Answer(review)["allowed"]!.GetValue<bool>());
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"apiVersion": "admission.k8s.io/v1beta1", "request": {"uid": "a"}}""")]
    [InlineData("""{"apiVersion": "admission.k8s.io/v1", "request": {"uid": 1}}""")]
    [InlineData("""{"apiVersion": "admission.k8s.io/v1", "request": []}""")]
    public void What_is_no_review_is_said_so(string text) =>
        Assert.Throws<FormatException>(() => AdmissionReviews.Answer(JsonNode.Parse(text)!.AsObject(), ByItself));

    [Fact]
    public async Task The_port_answers_whom_the_installed_roots_verify_and_they_follow_a_rotation()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        server.Apply("""
            apiVersion: admissionregistration.k8s.io/v1
            kind: ValidatingWebhookConfiguration
            metadata: {name: mesh-control}
            webhooks:
            - name: validate.mesh-node.io
              clientConfig: {service: {name: mesh-control-webhook, namespace: mesh-node, path: /validate}}
            """);
        await using var control = new TestControlPlane
        {
            Kubeconfig = server.Kubeconfig,
            IsWriting = true,
            HasWebhook = true,
            ServerNames = ["mesh-control-webhook.mesh-node.svc"],
        };
        await control.StartAsync();
        await Eventually.TrueAsync(() => BundleOf(server) is not null, "the roots are installed");
        string roots = BundleOf(server)!;
        Assert.Equal(await File.ReadAllTextAsync(control.State.RootCertificateFile, TestContext.Current.CancellationToken), roots);

        using HttpClient client = control.ConnectToWebhook("mesh-control-webhook.mesh-node.svc");
        using var content = new StringContent(Review(Broken).ToJsonString(), Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await client.PostAsync(
            new Uri("/validate", UriKind.Relative), content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        JsonNode answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.False(answer["response"]!["allowed"]!.GetValue<bool>());

        await OwnAuthorities.BeginRotationAsync(
            control.State, TimeSpan.FromHours(1), TimeProvider.System.GetUtcNow(), TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => BundleOf(server) != roots, "the roots have followed");
        Assert.Contains(roots, BundleOf(server)!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_wrong_between_objects_is_a_warning_and_what_is_wrong_by_itself_a_refusal()
    {
        await using var control = new TestControlPlane { HasWebhook = true };
        control.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Service("shop", "cart", "10.1.0.1", "cart"));
        await control.StartAsync();
        await Eventually.TrueAsync(
            async () => (await control.AdminJsonAsync("/debug/diagnostics")).GetProperty("isAnalyzed").GetBoolean(), "analysed");
        using HttpClient client = control.ConnectToWebhook("mesh-control");

        JsonNode missing = await AskAsync(client, "crat", "3s");
        JsonNode known = await AskAsync(client, "cart", "3s");
        JsonNode broken = await AskAsync(client, "crat", "soon");

        Assert.True(missing["allowed"]!.GetValue<bool>());
        Assert.StartsWith(
            "[IST0101] spec.http[0].route[0].destination.host: No service is called \"crat\".",
            Assert.Single(missing["warnings"]!.AsArray())!.GetValue<string>(),
            StringComparison.Ordinal);
        Assert.True(known["allowed"]!.GetValue<bool>());
        Assert.Null(known["warnings"]);
        Assert.False(broken["allowed"]!.GetValue<bool>());
        Assert.StartsWith("[IST0106] spec.http[0].timeout:", broken["status"]!["message"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    private static async Task<JsonNode> AskAsync(HttpClient client, string destination, string timeout)
    {
        JsonObject review = Review($$$"""
            {"hosts": ["cart"], "http": [{"timeout": "{{{timeout}}}", "route": [{"destination": {"host": "{{{destination}}}" } }]}]}
            """);
        review["request"]!["resource"] = JsonNode.Parse(
            """{"group": "networking.istio.io", "version": "v1", "resource": "virtualservices"}""");
        review["request"]!["object"]!["apiVersion"] = "networking.istio.io/v1";
        review["request"]!["object"]!["kind"] = "VirtualService";
        using var content = new StringContent(review.ToJsonString(), Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await client.PostAsync(
            new Uri("/validate", UriKind.Relative), content, TestContext.Current.CancellationToken);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["response"]!;
    }

    private static ImmutableArray<Diagnostic> ByItself(RawObject source, ImmutableArray<Diagnostic> said) =>
        [.. said.Select(DiagnosticCodes.Coded)];

    private static JsonObject Answer(JsonObject review) => AdmissionReviews.Answer(review, ByItself)["response"]!.AsObject();

    private static JsonObject Review(string spec) => JsonNode.Parse($$"""
        {
          "apiVersion": "admission.k8s.io/v1",
          "kind": "AdmissionReview",
          "request": {
            "uid": "the-uid",
            "resource": {"group": "security.istio.io", "version": "v1", "resource": "authorizationpolicies"},
            "operation": "CREATE",
            "namespace": "shop",
            "object": {
              "apiVersion": "security.istio.io/v1",
              "kind": "AuthorizationPolicy",
              "metadata": {"name": "allow", "namespace": "shop"},
              "spec": {{spec}}
            }
          }
        }
        """)!.AsObject();

    private static string? BundleOf(ApiServer server) =>
        server.Of("ValidatingWebhookConfiguration").List().Items.Single()["webhooks"]![0]!["clientConfig"]!["caBundle"] is { } bundle
            ? Encoding.ASCII.GetString(Convert.FromBase64String(bundle.GetValue<string>()))
            : null;
}
