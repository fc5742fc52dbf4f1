using System.Text.Json.Nodes;
using Mesh.Control.Cli.Definitions;
using Mesh.Control.Cli.Manifests;
using Mesh.Control.Cli.Output;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>
/// The definitions of kinds are what the files of deploy/crds say, and refuse nothing that the control plane takes. To write the files
/// anew, set MESH_UPDATE_DEFINITIONS; the tests then fail, so that nobody commits what he has not read.
/// </summary>
public sealed class DefinitionTests
{
    private static string Folder => Path.Combine(Cli.Repository, "deploy", "crds");

    public static TheoryData<string> Names => [.. Kinds.All.Select(definition => definition.Name)];

    public static TheoryData<string> Inputs =>
    [
        .. Directory.GetFiles(GoldenCases, "*.yaml", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(GoldenCases, path)).Order(StringComparer.Ordinal),
    ];

    private static string GoldenCases => Path.Combine(Cli.Repository, "tests", "Mesh.Control.Tests", "Dialects", "Golden");

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_file_says_what_the_table_says(string name)
    {
        string file = Path.Combine(Folder, $"{name}.yaml");
        string expected = YamlText.Of(Kinds.All.Single(definition => definition.Name == name).ToJson());
        if (Environment.GetEnvironmentVariable("MESH_UPDATE_DEFINITIONS") is { Length: > 0 })
        {
            await File.WriteAllTextAsync(file, expected, TestContext.Current.CancellationToken);
            Assert.Fail($"Wrote {file}. Review it.");
        }

        Assert.Equal(expected, await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Every_file_is_of_a_kind_and_is_applied()
    {
        JsonObject kustomization = Assert.Single(YamlManifests.Read(File.ReadAllText(Path.Combine(Folder, "kustomization.yaml"))));
        string[] applied = [.. kustomization["resources"]!.AsArray().Select(file => file!.GetValue<string>())];

        Assert.Equal(Kinds.All.Select(definition => $"{definition.Name}.yaml").Order(StringComparer.Ordinal), applied);
        Assert.Equal(
            applied.Append("kustomization.yaml").Order(StringComparer.Ordinal),
            Directory.GetFiles(Folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_kind_that_is_followed_and_not_of_Kubernetes_is_defined_in_versions_that_are_read()
    {
        WatchedKind[] others = [.. WatchedKinds.All.Where(kind => Kinds.All.Any(definition => definition.Group == kind.Group))];

        Assert.Equal(
            ["gateway.networking.k8s.io", "mesh-node.io", "networking.istio.io", "security.istio.io", "telemetry.istio.io"],
            others.Select(kind => kind.Group).Distinct().Order(StringComparer.Ordinal));
        Assert.All(others, kind =>
        {
            Definition definition = Kinds.All.Single(known => known.Name == $"{kind.Plural}.{kind.Group}");
            Assert.Equal(kind.Kind, definition.Kind);
            Assert.Empty(definition.Versions.Except(kind.Versions));
        });
    }

    /// <summary>What is refused here would never come to the control plane, and its diagnostics say more.</summary>
    [Theory]
    [MemberData(nameof(Inputs))]
    public void What_the_control_plane_takes_is_not_refused(string input)
    {
        foreach (ManifestDocument document in ManifestDocument.Split(input, File.ReadAllText(Path.Combine(GoldenCases, input))))
        {
            foreach (RawObject read in document.Objects)
            {
                Definition? definition = Kinds.All.FirstOrDefault(
                    known => known.Group == read.Key.Group && known.Kind == read.Key.Kind);
                bool isTaken = !ObjectValidation.Validate(read).Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
                if (definition is not null && isTaken)
                {
                    JsonObject stored = Assert.Single(YamlManifests.Read(document.Text));

                    Assert.Empty(StructuralSchema.Check(stored, Schema(definition)));
                }
            }
        }
    }

    [Theory]
    [InlineData("authorizationpolicies.security.istio.io", "spec: {action: PERMIT}")]
    [InlineData("authorizationpolicies.security.istio.io", "spec: {action: null}")]
    [InlineData("destinationrules.networking.istio.io", "spec: {trafficPolicy: {tls: {mode: SIMPLE}}}")]
    [InlineData("destinationrules.networking.istio.io", "spec: {host: a, trafficPolicy: {connectionPool: {http: {maxRetries: -1}}}}")]
    [InlineData("httproutes.gateway.networking.k8s.io", "spec: {parentRefs: [{kind: Service}]}")]
    [InlineData("httproutes.gateway.networking.k8s.io", "spec: {rules: []}")]
    [InlineData("peerauthentications.security.istio.io", "spec: {mtls: {mode: strict}}")]
    [InlineData("ratelimits.mesh-node.io", "spec: {limits: [{requests: 0}]}")]
    [InlineData("serviceentries.networking.istio.io", "spec: {hosts: [a.example], ports: [{number: 70000, name: http}]}")]
    [InlineData("virtualservices.networking.istio.io", "spec: {http: [{timeout: 5}]}")]
    [InlineData("virtualservices.networking.istio.io", "metadata: {name: a}")]
    public void What_nobody_could_take_is_refused_at_once(string name, string written)
    {
        JsonObject stored = Assert.Single(YamlManifests.Read(written));

        Assert.NotEmpty(StructuralSchema.Check(stored, Schema(Kinds.All.Single(definition => definition.Name == name))));
    }

    /// <summary>Without the field, the policy would be for everything of its namespace.</summary>
    [Fact]
    public void A_field_without_a_value_is_kept_in_policies_for_the_control_plane_to_refuse()
    {
        JsonObject policy = Schema(Kinds.All.Single(definition => definition.Kind == "AuthorizationPolicy"));

        Assert.True(policy["properties"]!["spec"]!["properties"]!["selector"]!["nullable"]!.GetValue<bool>());
        Assert.Null(Schema(Kinds.All.Single(definition => definition.Kind == "DestinationRule"))
            ["properties"]!["spec"]!["properties"]!["trafficPolicy"]!["nullable"]);
    }

    [Fact]
    public void One_version_of_each_is_stored_and_groups_of_Kubernetes_say_that_the_schema_is_ours()
    {
        Assert.All(Kinds.All.Select(definition => definition.ToJson()), definition =>
        {
            Assert.Single(definition["spec"]!["versions"]!.AsArray(), version => version!["storage"]!.GetValue<bool>());
            Assert.Equal(
                definition["spec"]!["group"]!.GetValue<string>().EndsWith(".k8s.io", StringComparison.Ordinal),
                definition["metadata"]!["annotations"]?["api-approved.kubernetes.io"] is not null);
        });
    }

    private static JsonObject Schema(Definition definition) =>
        definition.ToJson()["spec"]!["versions"]![0]!["schema"]!["openAPIV3Schema"]!.AsObject();
}
