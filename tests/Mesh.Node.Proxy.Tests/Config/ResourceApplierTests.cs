using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Discovery;
using Mesh.Api.Identity;
using Mesh.Api.Trust;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Tests.ControlPlane;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using Security = Mesh.Api.Security;
using Workloads = Mesh.Api.Workload;

namespace Mesh.Node.Proxy.Tests.Config;

public sealed class ResourceApplierTests
{
    private readonly ConfigurationStore _store = new(NullLogger<ConfigurationStore>.Instance);
    private readonly ResourceApplier _applier;
    private readonly List<ConfigurationChange> _changes = [];

    public ResourceApplierTests()
    {
        _applier = new ResourceApplier(_store, "istio-system", NullLogger<ResourceApplier>.Instance);
        _store.Changed += _changes.Add;
    }

    [Fact]
    public void A_change_names_what_changed_and_carries_both_snapshots()
    {
        Apply(Wire.Addresses(Wire.Resource(Wire.Workload("a")), Wire.Resource(Wire.Service("s"))));
        Apply(Wire.Policies(Wire.Resource(Wire.Policy("p"))));
        Apply(Wire.Addresses(Wire.Resource(Wire.Workload("a", "10.0.0.2"), "2")));

        Assert.Equal(3, _changes.Count);
        Assert.Equal(["Kubernetes//Pod/default/a"], _changes[0].Workloads);
        Assert.Equal(["default/s.default.svc.cluster.local"], _changes[0].Services);
        Assert.Equal(["default/p"], _changes[1].Policies);
        Assert.Empty(_changes[1].Workloads);
        Assert.Same(_changes[1].Current, _changes[2].Previous);
        Assert.Null(_store.Current.FindWorkload("", IPAddress.Parse("10.0.0.1")));
        Assert.NotNull(_store.Current.FindWorkload("", IPAddress.Parse("10.0.0.2")));
    }

    [Fact]
    public void The_configuration_is_complete_when_every_type_has_arrived_and_says_so_once()
    {
        ApplyEmpty(ResourceTypes.Address);
        ApplyEmpty(ResourceTypes.TrustBundle);
        ApplyEmpty(ResourceTypes.Traffic);
        ApplyEmpty(ResourceTypes.Authorization);
        Assert.False(_store.Current.IsComplete);
        ApplyEmpty(ResourceTypes.RevocationList);

        Assert.True(_store.Current.IsComplete);
        Assert.True(Assert.Single(_changes).BecameComplete);
        Apply(Wire.Addresses(Wire.Resource(Wire.Workload("a"))));
        Assert.False(_changes[1].BecameComplete);
    }

    [Fact]
    public void Types_a_foreign_control_plane_does_not_serve_can_be_given_up_but_required_ones_cannot()
    {
        ApplyEmpty(ResourceTypes.Address);
        Assert.False(_applier.AwaitsOnlyOwnTypes);
        _applier.StopWaitingForOwnTypes();
        Assert.False(_store.Current.IsComplete);

        ApplyEmpty(ResourceTypes.Authorization);
        Assert.True(_store.Current.IsComplete);
    }

    [Fact]
    public void What_is_good_in_a_response_is_applied_and_what_is_not_is_named()
    {
        Workloads.Workload legacy = Wire.Workload("legacy");
        legacy.TunnelProtocol = Workloads.TunnelProtocol.LegacyIstioMtls;
        IReadOnlyList<ResourceProblem> refused = Apply(Wire.Addresses(Wire.Resource(legacy), Wire.Resource(Wire.Workload("good"))));

        Assert.Equal("Kubernetes//Pod/default/legacy", Assert.Single(refused).Name);
        Assert.Contains("LEGACY_ISTIO_MTLS", refused[0].Text, StringComparison.Ordinal);
        Assert.NotNull(_store.Current.FindWorkload("Kubernetes//Pod/default/good"));
        Assert.Equal("1", Versions(ResourceTypes.Address)["Kubernetes//Pod/default/good"]);
        Assert.Equal("", Versions(ResourceTypes.Address)["Kubernetes//Pod/default/legacy"]);
    }

    [Fact]
    public void A_refused_version_leaves_the_last_good_one_and_its_version()
    {
        Apply(Wire.Addresses(Wire.Resource(Wire.Workload("a"), "1")));
        Workloads.Workload bad = Wire.Workload("a", "10.0.0.2");
        bad.TunnelProtocol = Workloads.TunnelProtocol.LegacyIstioMtls;
        Apply(Wire.Addresses(Wire.Resource(bad, "2")));

        Assert.NotNull(_store.Current.FindWorkload("", IPAddress.Parse("10.0.0.1")));
        Assert.Equal("1", Versions(ResourceTypes.Address)["Kubernetes//Pod/default/a"]);
        Assert.True(Problem().IsRefused);

        Apply(Wire.Addresses(Wire.Resource(Wire.Workload("a", "10.0.0.3"), "3")));
        _applier.PublishState(isConnected: true);
        Assert.Empty(_store.Discovery.Problems);
    }

    [Fact]
    public void Removal_takes_away_the_resource_its_version_and_its_problem()
    {
        Apply(Wire.Addresses(Wire.Resource(Wire.Workload("a")), Wire.Resource(Wire.Service("s"))));
        Apply(Wire.Policies(Wire.Resource(Wire.Policy("p"))));
        Apply(Wire.Removal(ResourceTypes.Address, "Kubernetes//Pod/default/a", "default/s.default.svc.cluster.local", "never/there"));
        Apply(Wire.Removal(ResourceTypes.Authorization, "default/p"));

        Assert.Equal(0, _store.Current.WorkloadCount);
        Assert.Empty(_store.Current.Services);
        Assert.Equal(0, _store.Current.Policies.Count);
        Assert.Empty(Versions(ResourceTypes.Address));
        Assert.Empty(Versions(ResourceTypes.Authorization));
        Assert.Equal(["default/p"], _changes[^1].Policies);
    }

    [Fact]
    public void A_name_that_disagrees_with_the_content_is_refused()
    {
        Assert.Single(Apply(Wire.Addresses(Wire.Resource("other", new Workloads.Address { Workload = Wire.Workload("a") }))));
        Assert.Single(Apply(Wire.Addresses(Wire.Resource("other", new Workloads.Address { Service = Wire.Service("a") }))));
        Assert.Single(Apply(Wire.Policies(Wire.Resource("other", Wire.Policy("a")))));
        Assert.Equal(0, _store.Current.WorkloadCount);
    }

    [Fact]
    public void Content_that_is_not_what_it_should_be_is_refused_and_nothing_else_with_it()
    {
        Resource undecodable = Wire.Resource(Wire.Workload("u"));
        undecodable.Resource_.Value = ByteString.CopyFrom(0x0A, 0xFF);
        Resource foreign = Wire.Resource(Wire.Workload("f"));
        foreign.Resource_ = Any.Pack(Wire.Policy("f"));
        Resource nameless = Wire.Resource(Wire.Workload("n"));
        nameless.Name = "";
        IReadOnlyList<ResourceProblem> refused = Apply(Wire.Addresses(
            undecodable, foreign, nameless, new Resource { Name = "empty" }, Wire.Resource("neither", new Workloads.Address()), Wire.Resource(Wire.Workload("good"))));

        Assert.Equal(5, refused.Count);
        Assert.Equal(1, _store.Current.WorkloadCount);
    }

    [Fact]
    public void A_policy_nobody_understands_is_strictly_in_force_only_where_no_good_one_is()
    {
        Security.Authorization bad = Wire.Policy("p", Security.Action.Deny, new Security.Match { DestinationPorts = { 70_000 } });
        Assert.Contains("strictest reading", Assert.Single(Apply(Wire.Policies(Wire.Resource(bad)))).Text, StringComparison.Ordinal);
        Assert.True(_store.Current.Policies.TryGet("default/p", out AuthorizationPolicy? strict));
        Assert.True(strict.Rules[0].Clauses[0].Matches[0].HasUnsupported);
        Assert.Equal("", Versions(ResourceTypes.Authorization)["default/p"]);

        Apply(Wire.Policies(Wire.Resource(Wire.Policy("p", Security.Action.Deny, new Security.Match { DestinationPorts = { 80 } }), "2")));
        Assert.Contains("good before", Assert.Single(Apply(Wire.Policies(Wire.Resource(bad, "3")))).Text, StringComparison.Ordinal);
        Assert.True(_store.Current.Policies.TryGet("default/p", out AuthorizationPolicy? kept));
        Assert.Equal([80], kept.Rules[0].Clauses[0].Matches[0].DestinationPorts);
    }

    [Fact]
    public void A_policy_that_cannot_be_decoded_denies_what_it_might_select_until_it_is_replaced()
    {
        Complete();
        Assert.True(Evaluate("default").IsAllowed);

        ResourceProblem refused = Assert.Single(Apply(Wire.Policies(Undecodable("default/p"))));
        Assert.Contains("cannot be decoded", refused.Text, StringComparison.Ordinal);
        Assert.EndsWith("every connection to a workload of the namespace 'default' is denied", refused.Text, StringComparison.Ordinal);
        Assert.Equal(["default/p"], _changes[^1].Policies);
        Assert.Equal(PolicyOutcome.Denied, Evaluate("default").Outcome);
        Assert.True(Evaluate("elsewhere").IsAllowed);
        Assert.Equal(PolicyOutcome.Denied, Evaluate("elsewhere", names: "default/p").Outcome);
        Assert.True(Problem().IsRefused);
        string reason = PolicyText.Describe(Evaluate("default"));
        Assert.StartsWith("policy default/p cannot be read and denies all it might select: its content cannot be decoded", reason, StringComparison.Ordinal);

        Apply(Wire.Policies(Wire.Resource(Wire.Policy("p", Security.Action.Deny, new Security.Match { DestinationPorts = { 81 } }), "2")));
        Assert.True(Evaluate("default").IsAllowed);
        _applier.PublishState(isConnected: true);
        Assert.Empty(_store.Discovery.Problems);

        // From here on there is something good to keep.
        Assert.Contains("good before", Assert.Single(Apply(Wire.Policies(Undecodable("default/p")))).Text, StringComparison.Ordinal);
        Assert.True(Evaluate("default").IsAllowed);
        Assert.Equal("2", Versions(ResourceTypes.Authorization)["default/p"]);
    }

    [Fact]
    public void A_policy_that_cannot_be_decoded_is_forgotten_when_it_is_removed_and_its_name_is_said_to_the_next_stream()
    {
        Complete();
        Apply(Wire.Policies(Undecodable("default/p")));
        Assert.Equal("", Versions(ResourceTypes.Authorization)["default/p"]);

        Apply(Wire.Removal(ResourceTypes.Authorization, "default/p"));
        Assert.True(Evaluate("default").IsAllowed);
        Assert.Equal(0, _store.Current.Policies.Count);
        Assert.Empty(Versions(ResourceTypes.Authorization));
    }

    [Theory]
    [InlineData("istio-system/p")]
    [InlineData("p")]
    [InlineData("/p")]
    [InlineData("")]
    public void A_policy_that_cannot_be_decoded_denies_everything_where_it_might_hold_for_the_whole_mesh(string name)
    {
        Complete();
        ResourceProblem refused = Assert.Single(Apply(Wire.Policies(Undecodable(name))));

        Assert.EndsWith("every connection to any workload is denied", refused.Text, StringComparison.Ordinal);
        Assert.Equal(PolicyOutcome.Denied, Evaluate("default").Outcome);
        Assert.Equal(PolicyOutcome.Denied, Evaluate("elsewhere").Outcome);
        Apply(Wire.Removal(ResourceTypes.Authorization, name));
        Assert.True(Evaluate("default").IsAllowed);
    }

    [Fact]
    public void A_policy_whose_meaning_is_unknown_denies_as_one_that_cannot_be_decoded()
    {
        Complete();
        Resource foreign = Wire.Resource(Wire.Policy("p"));
        foreign.Resource_ = Any.Pack(Wire.Workload("p"));
        Security.Authorization nameless = Wire.Policy("");
        Security.Authorization scope = Wire.Policy("p", Security.Action.Allow);
        scope.Scope = (Security.Scope)8;
        Resource[] unreadable =
        [
            foreign,
            new Resource { Name = "default/p" },
            Wire.Resource("default/p", Wire.Policy("other")),
            Wire.Resource("default/p", nameless),
            Wire.Resource(scope),
            Wire.Resource(Wire.Policy("p", (Security.Action)7, new Security.Match { DestinationPorts = { 81 } })),
        ];
        foreach (Resource resource in unreadable)
        {
            ResourceProblem refused = Assert.Single(Apply(Wire.Policies(resource)));
            Assert.Contains("until it is replaced or removed", refused.Text, StringComparison.Ordinal);
            Assert.Equal(PolicyOutcome.Denied, Evaluate("default").Outcome);
            Apply(Wire.Removal(ResourceTypes.Authorization, "default/p"));
            Assert.True(Evaluate("default").IsAllowed);
        }
    }

    [Fact]
    public void What_stands_in_for_a_refused_policy_is_nothing_good_to_keep()
    {
        Complete();
        Apply(Wire.Policies(Wire.Resource(Wire.Policy("p", Security.Action.Deny, new Security.Match { NotDestinationPorts = { 70_000, 8080 } }))));
        Apply(Wire.Policies(Undecodable("default/p")));
        Assert.True(_store.Current.Policies.TryGet("default/p", out AuthorizationPolicy? policy));
        Assert.NotNull(policy.UnreadableBecause);

        Apply(Wire.Policies(Wire.Resource(Wire.Policy("p", Security.Action.Deny, new Security.Match { DestinationPorts = { 70_000 } }))));
        Assert.True(_store.Current.Policies.TryGet("default/p", out policy));
        Assert.Null(policy.UnreadableBecause);
        Assert.True(policy.Rules[0].Clauses[0].Matches[0].HasUnsupported);
    }

    [Fact]
    public void An_unsupported_extension_is_a_problem_without_refusal()
    {
        var match = new Security.Match { Extensions = { new Security.Extension { Name = "http" } } };
        Assert.Empty(Apply(Wire.Policies(Wire.Resource(Wire.Policy("p", Security.Action.Deny, match)))));

        Assert.False(Problem().IsRefused);
        Assert.Equal("1", Versions(ResourceTypes.Authorization)["default/p"]);
    }

    [Fact]
    public void Trust_is_published_when_readable_and_kept_when_not()
    {
        using var authority = new TestAuthority();
        var published = new List<TrustMaterial>();
        _store.TrustChanged += published.Add;
        var bundle = new TrustBundle { TrustDomain = "cluster.local", RootCertificatesPem = authority.RootPem };
        var list = new RevocationList { TrustDomain = "cluster.local", IssuerKeyId = "ab", CrlPem = authority.CreateEmptyRevocationList() };

        Assert.Empty(Apply(Wire.Response(ResourceTypes.TrustBundle, Wire.Resource(bundle))));
        Assert.Empty(Apply(Wire.Response(ResourceTypes.RevocationList, Wire.Resource(list))));
        Assert.Equal(2, published.Count);
        Assert.Equal(authority.RootPem, _store.Trust.RootsPem["cluster.local"]);
        Assert.Equal(list.CrlPem, _store.Trust.RevocationListsPemOf("cluster.local"));
        Assert.Null(_store.Trust.RevocationListsPemOf("other"));

        bundle.RootCertificatesPem = "no certificate";
        list.CrlPem = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----";
        Assert.Single(Apply(Wire.Response(ResourceTypes.TrustBundle, Wire.Resource(bundle, "2"))));
        Assert.Single(Apply(Wire.Response(ResourceTypes.RevocationList, Wire.Resource(list, "2"))));
        Assert.Single(Apply(Wire.Response(ResourceTypes.TrustBundle, Wire.Resource("other", bundle, "2"))));
        Assert.Single(Apply(Wire.Response(ResourceTypes.RevocationList, Wire.Resource("other", list, "2"))));
        Assert.Equal(2, published.Count);

        Apply(Wire.Removal(ResourceTypes.RevocationList, "cluster.local/ab"));
        Assert.Null(_store.Trust.RevocationListsPemOf("cluster.local"));
    }

    [Fact]
    public void A_response_of_a_type_nobody_asked_for_is_not_applied() => Assert.Null(_applier.Apply(Wire.Response("type.googleapis.com/other")));

    [Fact]
    public void A_handler_that_fails_does_not_keep_the_next_from_hearing()
    {
        var store = new ConfigurationStore(NullLogger<ConfigurationStore>.Instance);
        var applier = new ResourceApplier(store, "istio-system", NullLogger<ResourceApplier>.Instance);
        int heard = 0;
        store.Changed += _ => throw new InvalidOperationException("a bug");
        store.Changed += _ => heard++;
        applier.Apply(Wire.Addresses(Wire.Resource(Wire.Workload("a"))));

        Assert.Equal(1, heard);
        Assert.Equal(1, store.Current.WorkloadCount);
    }

    [Fact]
    public void What_is_awaited_is_listed_until_it_arrives()
    {
        Assert.Equal([ResourceTypes.Address, ResourceTypes.Authorization], _store.Discovery.Awaited);
        ApplyEmpty(ResourceTypes.Address);
        _applier.PublishState(isConnected: true);

        Assert.True(_store.Discovery.IsConnected);
        Assert.DoesNotContain(ResourceTypes.Address, _store.Discovery.Awaited);
        Assert.Contains(ResourceTypes.Authorization, _store.Discovery.Awaited);
    }

    private static Resource Undecodable(string name)
    {
        Resource resource = Wire.Resource(name, Wire.Policy("p"));
        resource.Resource_.Value = ByteString.CopyFrom(0x0A, 0xFF);
        return resource;
    }

    private void Complete()
    {
        foreach (string typeUrl in _applier.Types.Select(type => type.TypeUrl))
        {
            ApplyEmpty(typeUrl);
        }
    }

    private PolicyDecision Evaluate(string @namespace, params string[] names)
    {
        var destination = new Workload
        {
            Uid = $"Kubernetes//Pod/{@namespace}/server",
            Name = "server",
            Namespace = @namespace,
            Identity = SpiffeId.Parse($"spiffe://cluster.local/ns/{@namespace}/sa/server"),
            AuthorizationPolicies = [.. names],
        };
        var facts = new ConnectionFacts(
            SpiffeId.Parse("spiffe://cluster.local/ns/default/sa/client"), IPAddress.Parse("10.0.0.9"), IPAddress.Parse("10.0.0.1"), 8080, "");
        return PolicyEvaluator.Evaluate(_store.Current, destination, facts);
    }

    private void ApplyEmpty(string typeUrl) => Apply(Wire.Response(typeUrl));

    private IReadOnlyList<ResourceProblem> Apply(DeltaDiscoveryResponse response)
    {
        IReadOnlyList<ResourceProblem>? refused = _applier.Apply(response);
        Assert.NotNull(refused);
        return refused;
    }

    private IReadOnlyDictionary<string, string> Versions(string typeUrl) => _applier.Types.Single(type => type.TypeUrl == typeUrl).Versions;

    private ResourceProblem Problem()
    {
        _applier.PublishState(isConnected: true);
        return Assert.Single(_store.Discovery.Problems);
    }
}
