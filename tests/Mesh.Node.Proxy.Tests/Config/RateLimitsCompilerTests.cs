using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Policies;
using Mesh.Node.Model.Policies;
using Mesh.Node.Proxy.Config.Resources;
using Xunit;
using Limits = Mesh.Node.Model.Policies.Limits;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Tests.Config;

/// <summary>Goal: limits are taken whole or refused by name, and what is refused limits nothing.</summary>
public sealed class RateLimitsCompilerTests
{
    [Fact]
    public void Every_field_arrives()
    {
        Limits.RateLimit limit = Assert.Single(Compile(Limit(wire =>
        {
            wire.Match = new Wire.Rule { Clauses = { new Wire.Clause { Matches = { new Wire.Match { DestinationPorts = { 80 } } } } } };
            wire.ByClient = true;
        })).Value!.RateLimits);
        Assert.Equal((10, TimeSpan.FromMilliseconds(250), 20, true), (limit.Requests, limit.Interval, limit.Burst, limit.IsByClient));
        Assert.Equal([(ushort)80], Assert.Single(Assert.Single(limit.Match.Clauses).Matches).DestinationPorts);
        Assert.Empty(Assert.Single(Compile(Limit(_ => { })).Value!.RateLimits).Match.Clauses);
    }

    public static TheoryData<string, Action<RateLimit>> Broken => new()
    {
        { "limits[0].requests", wire => wire.Requests = 0 },
        { "limits[0].requests", wire => wire.Requests = 1_000_001 },
        { "limits[0].burst", wire => wire.Burst = 0 },
        { "limits[0].interval: it is missing", wire => wire.Interval = null },
        { "limits[0].interval", wire => wire.Interval = TimeSpan.FromHours(2).ToDuration() },
        { "limits[0]: it has a field", wire => wire.MergeFrom(new byte[] { 0x78, 1 }) },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void What_cannot_be_read_is_refused_by_name_and_limits_nothing(string place, Action<RateLimit> change)
    {
        CompiledResource<AuthorizationPolicy> compiled = Compile(Limit(change));
        Assert.True(compiled.IsRefused);
        Assert.Contains($"mesh-node.io/rate-limits: {place}", compiled.Refusal, StringComparison.Ordinal);
        Assert.Empty(compiled.Value!.RateLimits);
        Assert.Empty(compiled.Value.Rules);
    }

    [Fact]
    public void A_condition_that_is_not_known_here_makes_a_limit_hold_for_all()
    {
        var rule = new Wire.Rule { Clauses = { new Wire.Clause { Matches = { new Wire.Match { DestinationPorts = { 80 } } } } } };
        rule.MergeFrom(new byte[] { 0x78, 1 });
        CompiledResource<AuthorizationPolicy> compiled = Compile(Limit(wire => wire.Match = rule));
        Assert.Contains("field 15 is not known here", compiled.Remark, StringComparison.Ordinal);
        AuthorizationRule match = Assert.Single(compiled.Value!.RateLimits).Match;
        Assert.True(Assert.Single(Assert.Single(match.Clauses).Matches).HasUnsupported);
    }

    [Fact]
    public void Another_content_is_refused()
    {
        Wire.Authorization policy = Policy();
        policy.Extensions[0].Config = Any.Pack(new CustomAuthorization { Provider = "x" });
        Assert.Contains("its content is a", PolicyCompiler.Compile(policy).Refusal, StringComparison.Ordinal);
    }

    private static CompiledResource<AuthorizationPolicy> Compile(RateLimit limit) => PolicyCompiler.Compile(Policy(limit));

    private static Wire.Authorization Policy(params RateLimit[] limits) => new()
    {
        Namespace = "shop",
        Name = "limits",
        Scope = Wire.Scope.Namespace,
        Action = Wire.Action.Deny,
        Extensions =
        {
            new Wire.Extension { Name = PolicyExtensions.RateLimits, Config = Any.Pack(new RateLimits { Limits = { limits } }) },
        },
    };

    private static RateLimit Limit(Action<RateLimit> change)
    {
        var limit = new RateLimit { Requests = 10, Interval = TimeSpan.FromMilliseconds(250).ToDuration(), Burst = 20 };
        change(limit);
        return limit;
    }
}
