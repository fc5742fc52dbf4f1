using System.Text;
using System.Text.Json.Nodes;
using Mesh.Api.Identity;
using Mesh.Control.Cluster;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Control.Tests.Support;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>Replicas have one authority, one list of tokens and one that writes.</summary>
public sealed class ReplicaTests
{
    [Fact]
    public async Task What_one_replica_signs_and_knows_the_other_takes()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        server.Apply(Manifests.Namespace("shop") + Manifests.Pod("shop", "cart", "10.0.0.1", "node-1", "cart"));
        await using var one = new TestControlPlane { Kubeconfig = server.Kubeconfig, IsWriting = true };
        await using var two = new TestControlPlane { Kubeconfig = server.Kubeconfig, IsWriting = true };
        await Task.WhenAll(one.StartAsync(), two.StartAsync());
        Assert.Equal(await RootAsync(one), await RootAsync(two));
        await Task.WhenAll(one.WaitUntilReadyAsync(), two.WaitUntilReadyAsync());

        string token = await one.CreateTokenAsync("node-1");
        await Eventually.TrueAsync(
            () => File.Exists(two.State.TokenFile)
                && File.ReadAllBytes(two.State.TokenFile).AsSpan().SequenceEqual(File.ReadAllBytes(one.State.TokenFile)),
            "the token has come to the other");
        await Eventually.TrueAsync(() => IsServedAsync(two, token), "the token opens the other");
        Assert.Single(server.Of("Lease").List().Items);
        Assert.Single(server.Of("Secret").List().Items);
    }

    [Fact]
    public async Task The_roots_are_put_into_every_namespace_and_kept_there()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        server.Apply(Manifests.Namespace("shop") + Manifests.Namespace("mesh-of-another") + """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: mesh-node-root-cert, namespace: mesh-of-another}
            data: {root-cert.pem: theirs}
            """);
        await using var control = new TestControlPlane { Kubeconfig = server.Kubeconfig, IsWriting = true };
        await control.StartAsync();
        string root = await RootAsync(control);
        await Eventually.TrueAsync(() => BundleOf(server, "shop") == root, "the namespace has the root");

        server.Apply(Manifests.Namespace("new"));
        await Eventually.TrueAsync(() => BundleOf(server, "new") == root, "a new namespace has it too");
        await OwnAuthorities.BeginRotationAsync(
            control.State, TimeSpan.FromHours(1), TimeProvider.System.GetUtcNow(), TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => BundleOf(server, "shop") is { } pem && pem != root && pem.Contains(root, StringComparison.Ordinal), "both");

        Assert.Equal("theirs", BundleOf(server, "mesh-of-another"));
    }

    [Fact]
    public async Task Of_those_who_begin_at_once_one_makes_the_root()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        using KubernetesApi api = KubernetesApi.OpenConfiguration(server.Kubeconfig, context: null);
        using var directory = new ScratchDirectory();
        StateDirectory[] states = [.. Enumerable.Range(0, 8).Select(index => new StateDirectory(directory[$"{index}"], TimeProvider.System))];

        await Task.WhenAll(states.Select(state => new SharedState(
                new KubernetesObjects(api), "mesh-node", state, TimeProvider.System, NullLogger<SharedState>.Instance)
            .JoinAsync(TrustDomain.Default, isSupplied: false, TestContext.Current.CancellationToken)));

        JsonObject secret = server.Of("Secret").List().Items.Single();
        byte[] shared = Convert.FromBase64String(secret["data"]!["authorities.json"]!.GetValue<string>());
        Assert.All(states, state => Assert.Equal(shared, File.ReadAllBytes(state.AuthorityFile)));
        Assert.All(states, state => Assert.Equal(3, new SharedFiles(state).Read().Count));
    }

    [Fact]
    public void Changes_of_two_are_joined_file_by_file_and_revocations_one_by_one()
    {
        using var directory = new ScratchDirectory();
        var files = new SharedFiles(new StateDirectory(directory["state"], TimeProvider.System));
        Dictionary<string, byte[]> common = Files(("tokens.json", "t"), ("authorities.json", "a"), ("revocations.json", Revoked("1")));
        Dictionary<string, byte[]> ours = Files(
            ("tokens.json", "ours"), ("authorities.json", "a"), ("revocations.json", Revoked("1", "2")), ("ab.key.pem", "k"));
        Dictionary<string, byte[]> theirs = Files(
            ("tokens.json", "theirs"), ("authorities.json", "theirs"), ("revocations.json", Revoked("1", "3")));

        Dictionary<string, byte[]> merged = files.Merge(common, ours, theirs, out IReadOnlyList<string> lost);

        Assert.Equal(["tokens.json"], lost);
        Assert.Equal("theirs", Encoding.ASCII.GetString(merged["tokens.json"]));
        Assert.Equal("theirs", Encoding.ASCII.GetString(merged["authorities.json"]));
        Assert.Equal("k", Encoding.ASCII.GetString(merged["ab.key.pem"]));
        string revocations = Encoding.ASCII.GetString(merged["revocations.json"]);
        Assert.All(new[] { "\"serial\": \"1\"", "\"serial\": \"2\"", "\"serial\": \"3\"" }, serial =>
            Assert.Contains(serial, revocations, StringComparison.Ordinal));
        Assert.True(SharedFiles.AreSame(theirs, files.Merge(common, common, theirs, out lost)));
        Assert.Empty(lost);
        Assert.True(SharedFiles.AreSame(ours, files.Merge(common, ours, common, out lost)));
        Assert.Empty(lost);
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("..key.pem")]
    [InlineData("ABC.key.pem")]
    [InlineData("issued.jsonl")]
    public void A_name_that_leads_elsewhere_is_refused_and_nothing_written(string name)
    {
        using var directory = new ScratchDirectory();
        var state = new StateDirectory(directory["state"], TimeProvider.System);

        Assert.Throws<StateFormatException>(() => new SharedFiles(state).Write(Files(("tokens.json", "{}"), (name, "x"))));

        Assert.False(File.Exists(state.TokenFile));
    }

    private static async Task<bool> IsServedAsync(TestControlPlane control, string token)
    {
        using DiscoveryClient proxy = control.Discover("node-1", token);
        try
        {
            await proxy.SubscribeAsync(TypeUrls.Address);
            return (await proxy.NextAsync(TypeUrls.Address)).Names().Length > 0;
        }
        catch (Grpc.Core.RpcException)
        {
            return false;
        }
    }

    private static Task<string> RootAsync(TestControlPlane control) =>
        File.ReadAllTextAsync(control.State.RootCertificateFile, TestContext.Current.CancellationToken);

    private static string? BundleOf(ApiServer server, string @namespace) => server.Of("ConfigMap").List().Items
        .SingleOrDefault(map => map["metadata"]!["namespace"]!.GetValue<string>() == @namespace)?["data"]!["root-cert.pem"]!.GetValue<string>();

    private static Dictionary<string, byte[]> Files(params (string Name, string Content)[] files) =>
        files.ToDictionary(file => file.Name, file => Encoding.ASCII.GetBytes(file.Content), StringComparer.Ordinal);

    private static string Revoked(params string[] serials) => $$"""
        {"revocations": [{{string.Join(", ", serials.Select(serial =>
            $$"""{"serial": "{{serial}}", "issuerKeyId": "ab", "revokedAt": "2026-01-01T00:00:00Z", "expiresAt": "2026-01-02T00:00:00Z"}"""))}}]}
        """;
}
