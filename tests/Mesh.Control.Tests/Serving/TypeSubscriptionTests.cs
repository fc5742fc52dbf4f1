using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Discovery;
using Mesh.Control.Serving.Xds;
using Xunit;

namespace Mesh.Control.Tests.Serving;

/// <summary>What a client is told, step by step, without a network: the delta protocol's rules as tables.</summary>
public sealed class TypeSubscriptionTests
{
    private const string Type = TypeUrls.Address;

    private TypeSnapshot? _snapshot;

    [Fact]
    public void An_empty_first_request_is_everything_and_gets_an_answer_even_of_nothing()
    {
        var subscription = new TypeSubscription("node-1");
        Assert.Null(subscription.Apply(new DeltaDiscoveryRequest()));
        Assert.True(subscription.IsWildcard);

        Expect(subscription, Publish(), changed: [], removed: []);
        Assert.Null(subscription.Advance(_snapshot!));
    }

    [Fact]
    public void A_wildcard_client_gets_what_changed_since_it_was_last_told()
    {
        var subscription = Wildcard();
        Expect(subscription, Publish(("a", 1), ("b", 1)), changed: ["a", "b"], removed: []);
        Expect(subscription, Publish(("a", 2), ("c", 1)), changed: ["a", "c"], removed: ["b"]);
    }

    [Fact]
    public void A_client_that_missed_snapshots_gets_the_difference_to_the_newest()
    {
        var subscription = Wildcard();
        Expect(subscription, Publish(("a", 1), ("b", 1), ("c", 1)), changed: ["a", "b", "c"], removed: []);
        Publish(("a", 2), ("b", 1), ("c", 2), ("d", 1));
        Publish(("a", 2), ("b", 2), ("c", 1), ("e", 1));

        // c went and came back, d came and went: neither is news.
        Expect(subscription, Publish(("a", 2), ("b", 2), ("c", 1), ("e", 2)), changed: ["a", "b", "e"], removed: []);
    }

    [Fact]
    public void A_client_that_reconnects_gets_only_differences_and_removals()
    {
        TypeSnapshot snapshot = Publish(("a", 1), ("b", 1), ("c", 1));
        var subscription = new TypeSubscription("node-1");
        var request = new DeltaDiscoveryRequest();
        request.InitialResourceVersions["a"] = snapshot.Resources["a"].Version;
        request.InitialResourceVersions["b"] = "an older one";
        request.InitialResourceVersions["gone"] = "whatever";
        subscription.Apply(request);

        Expect(subscription, snapshot, changed: ["b", "c"], removed: ["gone"]);
    }

    [Fact]
    public void Versions_of_a_client_that_does_not_keep_them_resend_and_still_remove()
    {
        TypeSnapshot snapshot = Publish(("a", 1));
        var subscription = new TypeSubscription("node-1");
        var request = new DeltaDiscoveryRequest();
        request.InitialResourceVersions["a"] = string.Empty;
        request.InitialResourceVersions["gone"] = string.Empty;
        subscription.Apply(request);

        Expect(subscription, snapshot, changed: ["a"], removed: ["gone"]);
    }

    [Fact]
    public void A_reconnect_without_differences_still_gets_an_answer()
    {
        TypeSnapshot snapshot = Publish(("a", 1));
        var subscription = new TypeSubscription("node-1");
        var request = new DeltaDiscoveryRequest();
        request.InitialResourceVersions["a"] = snapshot.Resources["a"].Version;
        subscription.Apply(request);

        Expect(subscription, snapshot, changed: [], removed: []);
    }

    [Fact]
    public void Names_are_answered_one_by_one_and_the_missing_ones_by_removal()
    {
        var subscription = Named("a", "missing");
        Expect(subscription, Publish(("a", 1), ("b", 1)), changed: ["a"], removed: ["missing"]);

        // Nothing about b, and the missing one is not called missing again.
        Assert.Null(subscription.Advance(Publish(("a", 1), ("b", 2))));
        Expect(subscription, Publish(("a", 1), ("missing", 1)), changed: ["missing"], removed: []);
        Expect(subscription, Publish(("missing", 1)), changed: [], removed: ["a"]);
    }

    [Fact]
    public void Asking_again_sends_again()
    {
        var subscription = Named("a");
        Expect(subscription, Publish(("a", 1)), changed: ["a"], removed: []);
        Apply(subscription, subscribe: ["a", "missing"]);
        Expect(subscription, _snapshot!, changed: ["a"], removed: ["missing"]);
        Apply(subscription, subscribe: ["missing"]);
        Expect(subscription, _snapshot!, changed: [], removed: ["missing"]);
    }

    [Fact]
    public void What_is_no_longer_wanted_is_no_longer_sent()
    {
        var subscription = Named("a", "b");
        Expect(subscription, Publish(("a", 1), ("b", 1)), changed: ["a", "b"], removed: []);
        Apply(subscription, unsubscribe: ["a"]);
        Assert.Null(subscription.Advance(_snapshot!));
        Expect(subscription, Publish(("a", 2), ("b", 2)), changed: ["b"], removed: []);
    }

    [Fact]
    public void Everything_taken_back_at_once_is_an_on_demand_client()
    {
        var subscription = new TypeSubscription("node-1");
        Apply(subscription, subscribe: ["*"], unsubscribe: ["*"]);
        Assert.False(subscription.IsWildcard);
        Assert.Null(subscription.Advance(Publish(("a", 1))));
        Apply(subscription, subscribe: ["a"]);
        Expect(subscription, _snapshot!, changed: ["a"], removed: []);
    }

    [Fact]
    public void An_on_demand_client_finds_by_alias_and_sees_its_node_and_the_endpoints_of_its_services()
    {
        var subscription = new TypeSubscription("node-1");
        Apply(subscription, subscribe: ["*"], unsubscribe: ["*"]);
        TypeSnapshot snapshot = Publish(
        [
            Resource("own", 1, node: "node-1"),
            Resource("other", 1, aliases: ["/10.0.0.2"], node: "node-2"),
            Resource("ns/svc", 1, aliases: ["/10.96.0.1"]),
            Resource("endpoint", 1, node: "node-2", services: ["ns/svc"]),
            Resource("unrelated", 1, node: "node-2"),
        ]);
        Expect(subscription, snapshot, changed: ["own"], removed: []);

        Apply(subscription, subscribe: ["/10.0.0.2"]);
        Expect(subscription, snapshot, changed: ["other"], removed: []);

        Apply(subscription, subscribe: ["/10.96.0.1"]);
        Expect(subscription, snapshot, changed: ["endpoint", "ns/svc"], removed: []);

        Apply(subscription, subscribe: ["/10.9.9.9"]);
        Expect(subscription, snapshot, changed: [], removed: ["/10.9.9.9"]);

        // The address moves to another workload: the old one goes, the new one comes.
        TypeSnapshot moved = Publish([Resource("own", 1, node: "node-1"), Resource("third", 1, aliases: ["/10.0.0.2"], node: "node-2")]);
        Expect(subscription, moved, changed: ["third"], removed: ["/10.96.0.1", "endpoint", "ns/svc", "other"]);
    }

    [Fact]
    public void What_an_on_demand_client_held_before_it_reconnected_is_followed_again()
    {
        TypeSnapshot snapshot = Publish([Resource("a", 1, aliases: ["/10.0.0.1"]), Resource("b", 1)]);
        var subscription = new TypeSubscription("node-1");
        var request = new DeltaDiscoveryRequest();
        request.ResourceNamesSubscribe.Add("*");
        request.ResourceNamesUnsubscribe.Add("*");
        request.InitialResourceVersions["a"] = snapshot.Resources["a"].Version;
        request.InitialResourceVersions["/10.0.0.1"] = string.Empty;
        request.InitialResourceVersions["gone"] = "x";
        subscription.Apply(request);

        Expect(subscription, snapshot, changed: [], removed: ["gone"]);
        Expect(subscription, Publish([Resource("a", 2, aliases: ["/10.0.0.1"])]), changed: ["a"], removed: []);
    }

    [Fact]
    public void A_client_may_turn_from_names_to_everything_and_back()
    {
        var subscription = Named("a");
        Expect(subscription, Publish(("a", 1), ("b", 1)), changed: ["a"], removed: []);
        Apply(subscription, subscribe: ["*"]);
        Expect(subscription, _snapshot!, changed: ["a", "b"], removed: []);
        Apply(subscription, unsubscribe: ["*"]);
        Expect(subscription, Publish(("a", 2), ("b", 2)), changed: ["a"], removed: []);
    }

    [Fact]
    public void Too_many_or_too_long_names_are_refused()
    {
        var tooMany = new DeltaDiscoveryRequest();
        tooMany.ResourceNamesSubscribe.AddRange(Enumerable.Range(0, TypeSubscription.NameCountMax + 1).Select(index => $"n{index}"));
        Assert.NotNull(new TypeSubscription("node-1").Apply(tooMany));

        var tooLong = new DeltaDiscoveryRequest();
        tooLong.ResourceNamesSubscribe.Add(new string('a', TypeSubscription.NameCharsMax + 1));
        Assert.NotNull(new TypeSubscription("node-1").Apply(tooLong));
    }

    [Fact]
    public void The_same_content_has_the_same_version_and_changes_nothing()
    {
        TypeSnapshot snapshot = Publish(("a", 1));
        Assert.Equal(snapshot.Resources["a"].Version, Resource("a", 1).Version);
        Assert.NotEqual(snapshot.Resources["a"].Version, Resource("a", 2).Version);
        Assert.Null(TypeSnapshot.Next(snapshot, [Resource("a", 1)], default));
    }

    private static TypeSubscription Wildcard()
    {
        var subscription = new TypeSubscription("node-1");
        Apply(subscription, subscribe: ["*"]);
        return subscription;
    }

    private static TypeSubscription Named(params string[] names)
    {
        var subscription = new TypeSubscription("node-1");
        Apply(subscription, subscribe: names);
        return subscription;
    }

    private static void Apply(TypeSubscription subscription, string[]? subscribe = null, string[]? unsubscribe = null)
    {
        var request = new DeltaDiscoveryRequest();
        request.ResourceNamesSubscribe.AddRange(subscribe ?? []);
        request.ResourceNamesUnsubscribe.AddRange(unsubscribe ?? []);
        Assert.Null(subscription.Apply(request));
    }

    private static void Expect(TypeSubscription subscription, TypeSnapshot snapshot, string[] changed, string[] removed)
    {
        ResourceUpdate? update = subscription.Advance(snapshot);
        Assert.NotNull(update);
        Assert.Equal(changed, update.Changed.Select(resource => resource.Name).Order(StringComparer.Ordinal));
        Assert.Equal(removed, update.Removed.Order(StringComparer.Ordinal));
    }

    private TypeSnapshot Publish(params (string Name, int Content)[] resources) =>
        Publish([.. resources.Select(resource => Resource(resource.Name, resource.Content))]);

    private TypeSnapshot Publish(ServedResource[] resources) =>
        _snapshot = TypeSnapshot.Next(_snapshot, resources, default) ?? _snapshot!;

    private static ServedResource Resource(
        string name, int content, string[]? aliases = null, string node = "", string[]? services = null) =>
        ServedResource.Of(Type, name, new Int32Value { Value = content }, [.. aliases ?? []], node, [.. services ?? []]);
}
