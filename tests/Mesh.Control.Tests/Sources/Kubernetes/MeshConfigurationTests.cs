using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Tests.Dialects;
using Mesh.Control.Tests.Support.Kubernetes;
using Xunit;

namespace Mesh.Control.Tests.Sources.Kubernetes;

/// <summary>The mesh's configuration is one ConfigMap of one namespace, with YAML inside.</summary>
public sealed class MeshConfigurationTests
{
    [Fact]
    public async Task It_is_read_from_the_root_namespace_alone_and_followed()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
        {
            server.Apply(ConfigMap("istio-system", "istio", "extensionProviders: [{name: one, envoyExtAuthzGrpc: {service: a, port: 1}}]"));
            server.Apply(ConfigMap("istio-system", "istio-ca-root-cert", "not: ours"));
            server.Apply(ConfigMap("shop", "istio", "extensionProviders: []"));
        });
        ManifestSnapshot snapshot = await cluster.NextAsync("ConfigMap istio-system/istio");
        Assert.Contains("one", Provider(snapshot), StringComparison.Ordinal);
        Assert.Equal(0, cluster.TakeRequests("/v1/configmaps"));

        cluster.Server.Apply(ConfigMap("istio-system", "istio", "extensionProviders: [{name: two, envoyExtAuthzGrpc: {service: a, port: 1}}]"));

        await cluster.NextAsync(next => Provider(next) == "two");
    }

    [Fact]
    public async Task What_is_no_yaml_changes_nothing_and_is_said()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
            server.Apply(ConfigMap("istio-system", "istio", "extensionProviders: [{name: one, envoyExtAuthzGrpc: {service: a, port: 1}}]")));
        await cluster.NextAsync("ConfigMap istio-system/istio");

        cluster.Server.Apply(ConfigMap("istio-system", "istio", "extensionProviders: [{"));

        ManifestSnapshot snapshot = await cluster.NextAsync(next => !next.Diagnostics.IsEmpty);
        Diagnostic diagnostic = Assert.Single(snapshot.Diagnostics);
        Assert.Equal(DiagnosticSeverity.Error, diagnostic.Severity);
        Assert.Equal("data.mesh", diagnostic.Field);
        Assert.Equal("kubernetes", diagnostic.Origin.ToString());
        Assert.Equal("one", Provider(snapshot));
    }

    [Fact]
    public async Task What_is_wrong_in_it_is_said_by_its_field_without_a_line_that_nobody_could_find()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
            server.Apply(ConfigMap("istio-system", "istio", "extensionProviders: [{name: one, envoyExtAuthzGrpc: {service: a, port: 0}}]")));
        ManifestSnapshot snapshot = await cluster.NextAsync("ConfigMap istio-system/istio");

        string text = ModelText.Of(new MeshTranslator(new TranslationOptions()).Translate(snapshot.Objects));

        Assert.Contains(
            "error kubernetes: ConfigMap istio-system/istio data.mesh.extensionProviders[0].envoyExtAuthzGrpc.port",
            text,
            StringComparison.Ordinal);
    }

    private static string Provider(ManifestSnapshot snapshot) =>
        snapshot.Objects.Single().Fields.Find("data") is RawMapping data
        && data.Find("mesh") is RawMapping mesh
        && mesh.Find("extensionProviders") is RawSequence { Items: [RawMapping provider] }
        && provider.Find("name") is RawScalar name
            ? name.Text
            : string.Empty;

    private static string ConfigMap(string @namespace, string name, string mesh) => $$"""
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: {{name}}, namespace: {{@namespace}}}
        data:
          mesh: |
            {{mesh}}
        """;
}
