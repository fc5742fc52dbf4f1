using System.Net;
using Mesh.Api.Identity;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Enforcement.Limits;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Enforcement.Limits;

/// <summary>What is known of limits by all loops together: who shares an allowance, when it begins anew, and that it is bounded.</summary>
public sealed class RateLimitersTests
{
    private static readonly Workload s_server = new()
    {
        Uid = "Kubernetes//Pod/shop/server",
        Name = "server",
        Namespace = "shop",
        Identity = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/server"),
        Addresses = [IPAddress.Parse("10.0.0.1")],
        TunnelProtocol = TunnelProtocol.Hbone,
        ClusterId = "Kubernetes",
    };

    private readonly FakeTimeProvider _clock = new();
    private readonly RateLimiters _limiters;

    public RateLimitersTests()
    {
        _limiters = new RateLimiters(_clock);
    }

    [Fact]
    public void Each_client_has_an_allowance_and_those_without_an_identity_share_one()
    {
        RateLimitState state = State(Limit(isByClient: true));
        Allowance first = state.AllowanceOf(Client(1));
        Assert.Same(first, state.AllowanceOf(Client(1)));
        Assert.NotSame(first, state.AllowanceOf(Client(2)));
        Assert.Same(state.AllowanceOf(null), state.AllowanceOf(null));
        Assert.NotSame(first, state.AllowanceOf(null));
        Assert.Equal(2, state.ClientCount);

        RateLimitState whole = State(Limit(isByClient: false));
        Assert.Same(whole.AllowanceOf(Client(1)), whole.AllowanceOf(null));
        Assert.Equal(0, whole.ClientCount);
    }

    [Fact]
    public void Of_too_many_clients_the_idle_are_forgotten_and_where_none_is_idle_the_further_ones_share()
    {
        RateLimitState state = State(Limit(isByClient: true));
        Allowance idle = state.AllowanceOf(Client(0));
        for (int i = 1; i < RateLimitState.ClientsMax; i++)
        {
            Assert.True(state.AllowanceOf(Client(i)).Bucket.TryTake(_clock.GetTimestamp()));
        }

        // The one that asked nothing makes room for one.
        Allowance further = state.AllowanceOf(Client(-1));
        Assert.NotSame(state.AllowanceOf(null), further);
        Assert.True(idle.IsRetired);
        Assert.True(further.Bucket.TryTake(_clock.GetTimestamp()));
        Assert.Equal(RateLimitState.ClientsMax, state.ClientCount);
        Assert.Same(state.AllowanceOf(null), state.AllowanceOf(Client(-2)));

        // An interval later all are as good as new.
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.NotSame(state.AllowanceOf(null), state.AllowanceOf(Client(-2)));
        Assert.Equal(1, state.ClientCount);
        Assert.True(further.IsRetired);
    }

    [Fact]
    public void What_was_asked_is_kept_while_the_rate_is_the_same_and_forgotten_with_workload_or_limit()
    {
        AuthorizationRule some = new([new AuthorizationClause([new AuthorizationMatch { DestinationPorts = [1] }])]);
        RateLimitState state = State(Limit(isByClient: false));
        Assert.Same(state, State(Limit(isByClient: false) with { Match = some }));
        RateLimitState renewed = State(Limit(isByClient: false) with { Burst = 2 });
        Assert.NotSame(state, renewed);

        MeshSnapshot snapshot = Snapshot(Limit(isByClient: false) with { Burst = 2 });
        _limiters.OnConfigurationChanged(snapshot);
        Assert.Same(renewed, State(Limit(isByClient: false) with { Burst = 2 }));
        renewed.CountPassed();
        renewed.CountRefused();
        Assert.Equal(
            new RateLimitStatus("shop/limits", 0, Passed: 1, Refused: 1, Clients: 0), Assert.Single(_limiters.List()));

        _limiters.OnConfigurationChanged(Snapshot());
        Assert.Empty(_limiters.List());
        Assert.NotSame(renewed, State(Limit(isByClient: false) with { Burst = 2 }));
        _limiters.OnConfigurationChanged(MeshSnapshot.Empty);
        Assert.Empty(_limiters.List());
    }

    private static RateLimit Limit(bool isByClient) => new(new AuthorizationRule([]), 1, TimeSpan.FromHours(1), 1, isByClient);

    private static SpiffeId Client(int number) => SpiffeId.Parse($"spiffe://cluster.local/ns/shop/sa/client{number}");

    private static MeshSnapshot Snapshot(params RateLimit[] limits)
    {
        var builder = MeshSnapshot.Empty.ToBuilder();
        builder.SetWorkload(s_server);
        builder.SetPolicy(new AuthorizationPolicy("shop", "limits")
        {
            Action = PolicyAction.Deny,
            Scope = PolicyScope.Namespace,
            RateLimits = [.. limits],
        });
        return builder.Build();
    }

    private RateLimitState State(RateLimit limit) =>
        _limiters.StateOf(s_server, Assert.Single(PolicyEvaluator.RateLimitsOf(Snapshot(limit), s_server)));
}
