using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Identity;
using Mesh.Node.Model;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Config.Resources;
using Xunit;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Tests.Config;

public sealed class PolicyCompilerTests
{
    private const int NewField = 1_001;

    [Fact]
    public void Every_field_of_a_policy_arrives()
    {
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(new Wire.Authorization
        {
            Name = "n",
            Namespace = "ns",
            Scope = Wire.Scope.WorkloadSelector,
            Action = Wire.Action.Deny,
            DryRun = true,
            Rules = { new Wire.Rule(), RuleOf(Full()) },
        });

        Assert.False(compiled.IsRefused);
        Assert.Null(compiled.Remark);
        AuthorizationPolicy policy = compiled.Value;
        Assert.Equal(("ns/n", PolicyScope.WorkloadSelector, PolicyAction.Deny, true), (policy.Key, policy.Scope, policy.Action, policy.IsDryRun));
        Assert.Empty(policy.Rules[0].Clauses);
        AuthorizationMatch match = Assert.Single(Assert.Single(policy.Rules[1].Clauses).Matches);
        Assert.Equal([TextMatch.Exact("a"), TextMatch.Prefix("b"), TextMatch.Suffix("c"), TextMatch.Present], match.Principals);
        Assert.Equal([TextMatch.Exact("d")], match.NotPrincipals);
        Assert.Equal([TextMatch.Exact("e")], match.Namespaces);
        Assert.Equal([TextMatch.Exact("f")], match.NotNamespaces);
        Assert.Equal([new ServiceAccountName("g", "h")], match.ServiceAccounts);
        Assert.Equal([new ServiceAccountName("i", "j")], match.NotServiceAccounts);
        Assert.Equal([IpPrefix.Parse("10.0.0.0/8"), IpPrefix.Parse("10.7.0.0/16")], match.SourceAddresses);
        Assert.Equal([IpPrefix.Parse("fd00::/16")], match.NotSourceAddresses);
        Assert.Equal([IpPrefix.Parse("0.0.0.0/0")], match.DestinationAddresses);
        Assert.Equal([IpPrefix.Parse("10.0.0.1")], match.NotDestinationAddresses);
        Assert.Equal([80, 443], match.DestinationPorts);
        Assert.Equal([22], match.NotDestinationPorts);
        Assert.False(match.HasUnsupported);
    }

    [Fact]
    public void A_policy_without_a_name_is_refused_outright()
    {
        Assert.True(PolicyCompiler.Compile(new Wire.Authorization { Namespace = "ns" }) is { IsRefused: true, Value: null });
        Assert.True(PolicyCompiler.Compile(new Wire.Authorization { Name = "n" }) is { IsRefused: true, Value: null });
    }

    [Fact]
    public void An_extension_is_remarked_and_marks_what_carries_it()
    {
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(
            PolicyOf(new Wire.Match { DestinationPorts = { 80 }, Extensions = { new Wire.Extension { Name = "l7.example" } } }));

        Assert.False(compiled.IsRefused);
        Assert.Contains("l7.example", compiled.Remark, StringComparison.Ordinal);
        Assert.True(MatchOf(compiled.Value).HasUnsupported);
        Assert.False(compiled.Value.HasUnsupported);

        Wire.Authorization onPolicy = PolicyOf(new Wire.Match());
        onPolicy.Extensions.Add(new Wire.Extension { Name = "x" });
        Assert.True(PolicyCompiler.Compile(onPolicy).Value!.HasUnsupported);
    }

    [Fact]
    public void A_malformed_value_refuses_the_policy_and_its_strict_reading_lacks_the_whole_field()
    {
        (Wire.Match Match, string Field)[] cases =
        [
            (new Wire.Match { SourceIps = { Block("10.0.0.0", 8), new Wire.Address { Address_ = ByteString.CopyFrom(1), Length = 8 } } }, "source_ips"),
            (new Wire.Match { NotSourceIps = { Block("10.0.0.0", 33) } }, "not_source_ips"),
            (new Wire.Match { DestinationIps = { Block("fd00::", 129) } }, "destination_ips"),
            (new Wire.Match { NotDestinationIps = { Block("10.0.0.0", uint.MaxValue) } }, "not_destination_ips"),
            (new Wire.Match { DestinationPorts = { 80, 65_536 } }, "destination_ports"),
            (new Wire.Match { NotDestinationPorts = { 65_536 } }, "not_destination_ports"),
            (new Wire.Match { Principals = { Exact("a"), new Wire.StringMatch() } }, "principals"),
            (new Wire.Match { NotNamespaces = { new Wire.StringMatch() } }, "not_namespaces"),
            (new Wire.Match { ServiceAccounts = { new Wire.ServiceAccountMatch { Namespace = "a" } } }, "service_accounts"),
        ];
        foreach ((Wire.Match wire, string field) in cases)
        {
            CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(PolicyOf(wire));

            Assert.True(compiled.IsRefused, field);
            Assert.StartsWith(field + ":", compiled.Refusal, StringComparison.Ordinal);
            Assert.Equal(new AuthorizationMatch { HasUnsupported = true }, MatchOf(compiled.Value!));
        }
    }

    [Fact]
    public void An_unknown_action_or_scope_is_refused_and_no_reading_is_strict_enough()
    {
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(
            new Wire.Authorization { Name = "n", Namespace = "ns", Action = (Wire.Action)7, Scope = (Wire.Scope)8 });

        Assert.True(compiled.IsRefused);
        Assert.Contains("action: 7", compiled.Refusal, StringComparison.Ordinal);
        Assert.Contains("scope: 8", compiled.Refusal, StringComparison.Ordinal);
        Assert.Null(compiled.Value);
    }

    [Fact]
    public void A_field_of_a_newer_version_is_remarked_and_makes_the_policy_stricter_wherever_it_stands()
    {
        Wire.StringMatch newValue = WithNewField(Exact("a"));
        Wire.StringMatch newKind = WithNewField(new Wire.StringMatch());
        (string Place, Wire.Match Match)[] inMatches =
        [
            ("a match", WithNewField(new Wire.Match { DestinationPorts = { 80 } })),
            ("principals", new Wire.Match { DestinationPorts = { 80 }, Principals = { Exact("b"), newValue } }),
            ("not_namespaces", new Wire.Match { DestinationPorts = { 80 }, NotNamespaces = { newKind } }),
            ("source_ips", new Wire.Match { DestinationPorts = { 80 }, SourceIps = { WithNewField(Block("10.0.0.0", 8)) } }),
        ];
        foreach ((string place, Wire.Match match) in inMatches)
        {
            // What it adds is a condition, or a value of one: without it a DENY holds for more, and an ALLOW is to hold for nothing.
            AuthorizationPolicy policy = AssertRemarked(PolicyOf(match), place);
            Assert.Equal([80], MatchOf(policy).DestinationPorts);
            Assert.Equal(MatchOf(policy) with { DestinationPorts = [] }, new AuthorizationMatch { HasUnsupported = true });
            Assert.False(policy.HasUnsupported);
        }

        Wire.Match port = new() { DestinationPorts = { 80 } };
        Wire.Authorization atClause = PolicyOf(port);
        atClause.Rules[0].Clauses[0] = WithNewField(atClause.Rules[0].Clauses[0]);
        AuthorizationClause clause = Assert.Single(AssertRemarked(atClause, "a clause").Rules[0].Clauses);
        Assert.Equal([new AuthorizationMatch { HasUnsupported = true }], clause.Matches);

        Wire.Authorization atRule = PolicyOf(port);
        atRule.Rules[0] = WithNewField(atRule.Rules[0]);
        Assert.Equal(new AuthorizationMatch { HasUnsupported = true }, MatchOf(AssertRemarked(atRule, "a rule")));

        AuthorizationPolicy whole = AssertRemarked(WithNewField(PolicyOf(port)), "the policy");
        Assert.True(whole.HasUnsupported);
        Assert.Equal(new AuthorizationMatch { HasUnsupported = true }, MatchOf(whole));
    }

    [Fact]
    public void A_rule_or_policy_of_a_newer_version_denies_what_it_may_deny_and_allows_nothing()
    {
        var facts = new ConnectionFacts(
            null, System.Net.IPAddress.Parse("10.0.0.1"), System.Net.IPAddress.Parse("10.0.0.2"), 443, "");
        Workload destination = new()
        {
            Uid = "w",
            Name = "w",
            Namespace = "ns",
            Identity = SpiffeId.Parse("spiffe://cluster.local/ns/ns/sa/w"),
        };
        foreach (Wire.Action action in (Wire.Action[])[Wire.Action.Allow, Wire.Action.Deny])
        {
            // Nothing of what is known of it concerns port 443.
            Wire.Authorization known = PolicyOf(new Wire.Match { DestinationPorts = { 80 } });
            known.Action = action;
            Wire.Authorization withNewRule = known.Clone();
            withNewRule.Rules[0] = WithNewField(known.Rules[0]);
            foreach (Wire.Authorization wire in (Wire.Authorization[])[withNewRule, WithNewField(known)])
            {
                MeshSnapshot.Builder mesh = MeshSnapshot.Empty.ToBuilder();
                mesh.MarkComplete();
                mesh.SetWorkload(destination);
                mesh.SetPolicy(PolicyCompiler.Compile(wire).Value!);
                Assert.Equal(PolicyOutcome.Denied, PolicyEvaluator.Evaluate(mesh.Build(), destination, in facts).Outcome);
            }
        }
    }

    /// <summary>Compiles what is not refused, and says of which place it has a field it does not know.</summary>
    private static AuthorizationPolicy AssertRemarked(Wire.Authorization wire, string place)
    {
        CompiledResource<AuthorizationPolicy> compiled = PolicyCompiler.Compile(wire);
        Assert.False(compiled.IsRefused);
        Assert.Equal($"{place}: field {NewField} is not known here, so the policy is taken more strictly", compiled.Remark);
        return compiled.Value;
    }

    /// <summary>The message as a newer version sends it: with a field that has no name here.</summary>
    private static T WithNewField<T>(T message)
        where T : IMessage<T>, new()
    {
        using var bytes = new MemoryStream();
        using (var output = new CodedOutputStream(bytes, leaveOpen: true))
        {
            message.WriteTo(output);
            output.WriteTag(NewField, WireFormat.WireType.Varint);
            output.WriteUInt64(1);
        }

        return new MessageParser<T>(static () => new T()).ParseFrom(bytes.ToArray());
    }

    private static AuthorizationMatch MatchOf(AuthorizationPolicy policy) => policy.Rules[0].Clauses[0].Matches[0];

    private static Wire.Authorization PolicyOf(Wire.Match match) =>
        new() { Name = "n", Namespace = "ns", Action = Wire.Action.Deny, Scope = Wire.Scope.Namespace, Rules = { RuleOf(match) } };

    private static Wire.Rule RuleOf(Wire.Match match) => new() { Clauses = { new Wire.Clause { Matches = { match } } } };

    private static Wire.Match Full() => new()
    {
        Principals =
        {
            Exact("a"),
            new Wire.StringMatch { Prefix = "b" },
            new Wire.StringMatch { Suffix = "c" },
            new Wire.StringMatch { Presence = new Empty() },
        },
        NotPrincipals = { Exact("d") },
        Namespaces = { Exact("e") },
        NotNamespaces = { Exact("f") },
        ServiceAccounts = { new Wire.ServiceAccountMatch { Namespace = "g", ServiceAccount = "h" } },
        NotServiceAccounts = { new Wire.ServiceAccountMatch { Namespace = "i", ServiceAccount = "j" } },
        SourceIps = { Block("10.1.2.3", 8), Block("::ffff:10.7.0.0", 112) },
        NotSourceIps = { Block("fd00::", 16) },
        DestinationIps = { Block("0.0.0.0", 0) },
        NotDestinationIps = { Block("10.0.0.1", 32) },
        DestinationPorts = { 80, 443 },
        NotDestinationPorts = { 22 },
    };

    private static Wire.StringMatch Exact(string value) => new() { Exact = value };

    private static Wire.Address Block(string address, uint lengthBits) =>
        new() { Address_ = ControlPlane.Wire.Bytes(address), Length = lengthBits };
}
