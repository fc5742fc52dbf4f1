using System.Globalization;
using System.Text.Json.Nodes;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Tests.Support;
using Mesh.Control.Tests.Support.Kubernetes;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Tests.Sources.Kubernetes;

/// <summary>The objects of a cluster and their changes are delivered, whole and no more often than something changes.</summary>
public sealed class KubernetesSourceTests
{
    private static readonly ApiResource s_policies = ApiResource.Istio("security.istio.io", "authorizationpolicies", "AuthorizationPolicy");

    [Fact]
    public async Task Everything_there_is_comes_at_once_however_many_pages_it_takes()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(
            server =>
            {
                server.Apply(Manifests.Namespace("shop"));
                for (int index = 0; index < 7; index++)
                {
                    server.Apply(Manifests.Pod("shop", $"cart-{index}", $"10.0.0.{index + 1}"));
                }
            },
            FollowedCluster.Quick with { PageObjects = 2 });

        ManifestSnapshot snapshot = await cluster.NextAsync();

        Assert.True(snapshot.IsComplete);
        Assert.Empty(snapshot.Diagnostics);
        Assert.Equal(
            ["Namespace shop", .. Enumerable.Range(0, 7).Select(index => $"Pod shop/cart-{index}")], FollowedCluster.Names(snapshot));
        Assert.Equal(4, cluster.TakeRequests("/pods?limit"));
        Assert.All(snapshot.Objects, raw => Assert.Equal("v1", raw.ApiVersion));
    }

    [Fact]
    public async Task Changes_come_by_watch_and_what_did_not_change_stays_the_same_instance()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
            server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1") + Manifests.Pod("shop", "web", "10.0.0.2")));
        ManifestSnapshot before = await cluster.NextAsync("Pod shop/cart", "Pod shop/web");
        cluster.TakeRequests(string.Empty);

        cluster.Server.Apply(Manifests.Pod("shop", "web", "10.0.0.3"));
        cluster.Server.Apply(Manifests.Pod("shop", "new", "10.0.0.4"));
        ManifestSnapshot after = await cluster.NextAsync("Pod shop/cart", "Pod shop/new", "Pod shop/web");
        while (ReferenceEquals(before.Objects[1], after.Objects[2]))
        {
            after = await cluster.NextAsync();
        }

        Assert.Same(before.Objects[0], after.Objects[0]);
        cluster.Server.Delete("Pod", "shop", "web");
        await cluster.NextAsync("Pod shop/cart", "Pod shop/new");
        Assert.Equal(0, cluster.TakeRequests("limit="));
    }

    [Fact]
    public async Task What_nobody_looks_at_is_neither_kept_nor_a_change()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server => server.Apply(Node("first beat")));
        ManifestSnapshot before = await cluster.NextAsync("Node node-1");
        RawMapping fields = before.Objects[0].Fields;
        Assert.Equal(["metadata", "status"], fields.Entries.Select(entry => entry.Key));
        Assert.Empty(((RawMapping)fields.Find("status")!).Entries);
        Assert.DoesNotContain(
            ((RawMapping)fields.Find("metadata")!).Entries, entry => entry.Key is "managedFields" or "resourceVersion");

        cluster.Server.Apply(Node("second beat"));
        cluster.Server.Apply(Manifests.Namespace("shop"));

        ManifestSnapshot after = await cluster.NextAsync("Namespace shop", "Node node-1");
        Assert.Same(before.Objects[0], after.Objects[1]);
    }

    [Fact]
    public async Task A_broken_connection_is_taken_up_where_it_was()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
            server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1")));
        await cluster.NextAsync("Pod shop/cart");
        cluster.TakeRequests(string.Empty);

        cluster.Server.Disconnect();
        cluster.Server.Apply(Manifests.Pod("shop", "web", "10.0.0.2"));
        cluster.Server.Delete("Pod", "shop", "cart");

        await cluster.NextAsync("Pod shop/web");
        Assert.Equal(0, cluster.TakeRequests("limit="));
    }

    [Fact]
    public async Task What_happened_in_a_forgotten_history_is_found_by_listing_anew()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
            server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1") + Manifests.Pod("shop", "web", "10.0.0.2")));
        ManifestSnapshot before = await cluster.NextAsync("Pod shop/cart", "Pod shop/web");
        cluster.Server.BookmarkInterval = TimeSpan.FromHours(1);
        cluster.Server.Pause();
        cluster.Server.Delete("Pod", "shop", "cart");
        cluster.Server.Apply(Manifests.Pod("shop", "zoo", "10.0.0.3"));
        cluster.Server.Forget();
        cluster.TakeRequests(string.Empty);
        cluster.Server.Resume();

        ManifestSnapshot after = await cluster.NextAsync("Pod shop/web", "Pod shop/zoo");
        Assert.Same(before.Objects[1], after.Objects[0]);
        Assert.True(cluster.TakeRequests("/pods?limit") > 0);
    }

    [Fact]
    public async Task A_bookmark_spares_the_list_after_the_history_before_it_is_forgotten()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
            server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1")));
        await cluster.NextAsync("Pod shop/cart");

        // Much happens to other kinds, none of which the pods' watch sees but by its bookmarks.
        long upTo = cluster.Server.Of("Namespace").Put(YamlManifests.Read(Manifests.Namespace("shop"))[0]);
        await cluster.NextAsync("Namespace shop", "Pod shop/cart");
        await Eventually.TrueAsync(
            async () =>
            {
                // How far it has come is seen by where it goes on; a bookmark needs a while.
                await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, TestContext.Current.CancellationToken);
                cluster.Server.Disconnect();
                return cluster.Server.Requests.Any(target => target.Contains("/pods?watch", StringComparison.Ordinal)
                    && long.Parse(target.Split("resourceVersion=")[1], CultureInfo.InvariantCulture) >= upTo);
            },
            "a bookmark that was understood");
        cluster.Server.Of("Pod").Forget(upTo);
        cluster.TakeRequests(string.Empty);

        cluster.Server.Disconnect();
        cluster.Server.Apply(Manifests.Pod("shop", "web", "10.0.0.2"));

        await cluster.NextAsync("Namespace shop", "Pod shop/cart", "Pod shop/web");
        Assert.Equal(0, cluster.TakeRequests("/pods?limit"));
    }

    [Fact]
    public async Task A_kind_that_is_not_served_is_absent_until_it_is_and_when_its_definition_goes()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server => server.Apply(Manifests.Namespace("shop")));
        await cluster.NextAsync("Namespace shop");

        cluster.Server.Define(s_policies);
        cluster.Server.Apply(Policy("deny"));
        ManifestSnapshot snapshot = await cluster.NextAsync("Namespace shop", "AuthorizationPolicy shop/deny");
        Assert.Equal("security.istio.io/v1", snapshot.Objects[1].ApiVersion);

        cluster.Server.Undefine(s_policies);
        await cluster.NextAsync("Namespace shop");
    }

    [Fact]
    public async Task An_older_version_is_read_where_nothing_newer_is_served()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
        {
            server.Define(s_policies with { Version = "v1beta1" });
            server.Apply(Policy("deny"));
        });

        ManifestSnapshot snapshot = await cluster.NextAsync("AuthorizationPolicy shop/deny");

        Assert.Equal("security.istio.io/v1beta1", snapshot.Objects[0].ApiVersion);
    }

    [Fact]
    public async Task An_object_that_cannot_be_read_takes_no_other_with_it()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
        {
            server.Define(s_policies);
            server.Apply(Policy("a") + Policy("c"));
            server.Of("AuthorizationPolicy").Put(TooDeep("b"));
        });

        // In a list: what it would say is not known, and nothing of it passes for a spec.
        ManifestSnapshot first = await cluster.NextAsync(
            "AuthorizationPolicy shop/a", "AuthorizationPolicy shop/b", "AuthorizationPolicy shop/c");
        Diagnostic problem = Assert.Single(first.Diagnostics);
        Assert.Equal("kubernetes: AuthorizationPolicy shop/b spec: Nested deeper than 64 levels.", problem.ToString());
        Assert.IsType<RawScalar>(first.Objects[1].Fields.Find("spec"));

        // In a watch: the last good version stays.
        cluster.Server.Of("AuthorizationPolicy").Put(TooDeep("a"));
        ManifestSnapshot second = await cluster.NextAsync(snapshot => snapshot.Diagnostics.Length == 2);
        Assert.Same(first.Objects[0], second.Objects[0]);

        cluster.Server.Apply(Policy("a") + Policy("b"));
        ManifestSnapshot third = await cluster.NextAsync(snapshot => snapshot.Diagnostics.IsEmpty);
        Assert.Same(first.Objects[0], third.Objects[0]);
        Assert.IsType<RawMapping>(third.Objects[1].Fields.Find("spec"));
    }

    private static string Policy(string name) => $$"""
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata:
          name: {{name}}
          namespace: shop
        spec:
          action: ALLOW
        ---

        """;

    private static JsonObject TooDeep(string name)
    {
        JsonObject policy = YamlManifests.Read(Policy(name))[0];
        JsonNode deep = new JsonObject();
        for (int level = 0; level < 80; level++)
        {
            deep = new JsonObject { ["below"] = deep };
        }

        policy["spec"]!["deep"] = deep;
        return policy;
    }

    private static string Node(string beat) => $$"""
        apiVersion: v1
        kind: Node
        metadata:
          name: node-1
          labels:
            topology.kubernetes.io/zone: a
        status:
          conditions:
          - type: Ready
            lastHeartbeatTime: {{beat}}
        """;
}
