using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Proxy.Config.Resources;
using Xunit;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Tests.Config;

public sealed class PolicyCompilerTests
{
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
