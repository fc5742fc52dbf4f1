using System.Net;
using System.Text;
using Mesh.Api.Identity;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Enforcement.Limits;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Enforcement;

public sealed class RequestGateTests
{
    private static readonly SpiffeId s_client = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/client");
    private static readonly AuthorizationMatch s_admin = new() { Request = new() { Paths = [TextMatch.Prefix("/admin")] } };

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

    private readonly Configuration _configuration = new();
    private readonly RequestGate _gate;

    public RequestGateTests()
    {
        _configuration.Change(builder => builder.SetWorkload(s_server));
        _gate = new RequestGate(
            _configuration,
            s_server,
            new ConnectionFacts(s_client, IPAddress.Parse("10.0.0.9"), s_server.Addresses[0], 8080, ""),
            new RateLimiters(TimeProvider.System));
    }

    [Fact]
    public void Each_request_is_judged_by_what_is_in_force()
    {
        Assert.Equal(PolicyReason.NoAllowPolicyApplies, Judge("/admin").Reason);

        _configuration.Change(builder => builder.SetPolicy(Policy("no-admin", PolicyAction.Deny, s_admin)));
        Assert.Equal("shop/no-admin[0]", Judge("/admin").DecidedBy.ToString());
        Assert.True(Judge("/public").IsAllowed);

        _configuration.Change(builder => builder.RemovePolicy("shop/no-admin"));
        Assert.True(Judge("/admin").IsAllowed);
    }

    [Fact]
    public void Where_no_policy_asks_requests_the_connection_s_decision_is_theirs()
    {
        AuthorizationMatch strangers = new() { Principals = [TextMatch.Suffix("/stranger")] };
        _configuration.Change(builder => builder.SetPolicy(Policy("strangers", PolicyAction.Allow, strangers)));
        Assert.Equal(PolicyReason.NoAllowRuleMatched, Judge("/").Reason);

        _configuration.Change(builder => builder.SetPolicy(Policy("admin", PolicyAction.Allow, s_admin)));
        Assert.Equal((false, true), (Judge("/").IsAllowed, Judge("/admin").IsAllowed));
    }

    [Fact]
    public void A_policy_that_has_not_arrived_lets_nothing_through()
    {
        _configuration.Change(builder => builder.SetWorkload(s_server with { AuthorizationPolicies = ["shop/late"] }));
        Assert.Equal((PolicyOutcome.Pending, false), (Judge("/").Outcome, Judge("/").IsAllowed));

        _configuration.Change(builder => builder.SetPolicy(Policy("late", PolicyAction.Deny, s_admin, PolicyScope.WorkloadSelector)));
        Assert.True(Judge("/").IsAllowed);
        Assert.False(Judge("/admin").IsAllowed);
    }

    [Fact]
    public void A_workload_that_leaves_the_mesh_is_judged_as_it_last_was()
    {
        _configuration.Change(builder =>
        {
            builder.SetPolicy(Policy("mine", PolicyAction.Deny, s_admin, PolicyScope.WorkloadSelector));
            builder.SetWorkload(s_server with { AuthorizationPolicies = ["shop/mine"] });
        });
        Assert.False(Judge("/admin").IsAllowed);

        _configuration.Change(builder => builder.RemoveWorkload(s_server.Uid));
        Assert.False(Judge("/admin").IsAllowed);
    }

    [Fact]
    public void A_policy_that_changes_ends_the_open_requests_it_denies()
    {
        OpenRequest admin = Open("/admin"), other = Open("/public"), gone = Open("/admin/gone");
        _gate.Leave(gone);

        _configuration.Change(builder => builder.SetPolicy(Policy("no-admin", PolicyAction.Deny, s_admin)));
        _gate.JudgeOpenAgain();

        Assert.Equal("shop/no-admin[0]", admin.RevokedBy);
        Assert.Null(other.RevokedBy);
        Assert.Null(gone.RevokedBy);

        // It left; nothing is said to it again.
        admin.RevokedBy = null;
        _gate.JudgeOpenAgain();
        Assert.Null(admin.RevokedBy);
    }

    [Fact]
    public void A_request_another_took_with_it_is_not_asked()
    {
        OpenRequest first = Open("/admin/1"), second = Open("/admin/2");
        first.Takes = second;
        second.Takes = first;

        _configuration.Change(builder => builder.SetPolicy(Policy("no-admin", PolicyAction.Deny, s_admin)));
        _gate.JudgeOpenAgain();

        Assert.Single(new[] { first, second }, request => request.RevokedBy is not null);
    }

    [Fact]
    public void Judging_allocates_nothing()
    {
        _configuration.Change(builder => builder.SetPolicy(Policy("no-admin", PolicyAction.Deny, s_admin)));
        Assert.Equal(0, SteadyState.AllocatedBytes(() => Judge("/public")));
    }

    [Theory]
    [InlineData(PolicyAction.Deny, "/admin", "rbac_access_denied_matched_policy[ns[shop]-policy[p]-rule[0]]", "denied by shop/p[0]")]
    [InlineData(PolicyAction.Allow, "/", "rbac_access_denied_matched_policy[none]", "no rule of the ALLOW policies matched, shop/p among them")]
    [InlineData(PolicyAction.Custom, "/admin", "rbac_access_denied_matched_policy[ns[shop]-policy[p]-rule[0]]",
        "denied by shop/p[0], which asks the authorizer 'opa', and there is none to ask")]
    public void A_denial_names_policy_and_rule_to_the_operator(PolicyAction action, string path, string detail, string text)
    {
        _configuration.Change(builder => builder.SetPolicy(Policy("p", action, s_admin) with { Provider = "opa" }));
        PolicyDecision decision = Judge(path);

        Assert.False(decision.IsAllowed);
        Assert.Equal(detail, PolicyText.DetailOf(in decision));
        Assert.Equal(text, PolicyText.Describe(in decision));
        Assert.Equal("RBAC: access denied", Encoding.UTF8.GetString(RequestGate.DeniedText));
    }

    private static AuthorizationPolicy Policy(
        string name, PolicyAction action, AuthorizationMatch match, PolicyScope scope = PolicyScope.Namespace) => new("shop", name)
        {
            Action = action,
            Scope = scope,
            Rules = [new AuthorizationRule([new AuthorizationClause([match])])],
        };

    private PolicyDecision Judge(string path)
    {
        var request = new PathRequest(path);
        return _gate.Judge(RequestOrigin.Of(in _gate.Facts), in request);
    }

    private OpenRequest Open(string path)
    {
        var request = new OpenRequest(path, _gate);
        _gate.Enter(request);
        return request;
    }

    private sealed class OpenRequest(string path, RequestGate gate) : IOpenRequest
    {
        public string? RevokedBy { get; set; }

        /// <summary>Ends together with this one.</summary>
        public OpenRequest? Takes { get; set; }

        public PolicyDecision JudgeAgain(RequestGate gate)
        {
            var request = new PathRequest(path);
            return gate.Judge(RequestOrigin.Of(in gate.Facts), in request);
        }

        public void Revoke(in PolicyDecision decision)
        {
            RevokedBy = decision.DecidedBy.ToString();
            gate.Leave(this);
            if (Takes is not null)
            {
                gate.Leave(Takes);
            }
        }
    }

    private readonly ref struct PathRequest : IRequestFacts
    {
        private static readonly Dictionary<string, byte[]> s_bytes = [];

        public PathRequest(string path)
        {
            if (!s_bytes.TryGetValue(path, out byte[]? bytes))
            {
                s_bytes[path] = bytes = Encoding.UTF8.GetBytes(path);
            }

            Path = bytes;
        }

        public ReadOnlySpan<byte> Method => "GET"u8;

        public ReadOnlySpan<byte> Scheme => "http"u8;

        public ReadOnlySpan<byte> Authority => "server"u8;

        public ReadOnlySpan<byte> Path { get; }

        public ReadOnlySpan<byte> Query => [];

        public Workload? Source => null;

        public bool TryGetHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        {
            value = default;
            return false;
        }
    }

    private sealed class Configuration : IConfigurationReader
    {
        public event Action<ConfigurationChange>? Changed
        {
            add { }
            remove { }
        }

        public MeshSnapshot Current { get; private set; } = MeshSnapshot.Empty;

        public void Change(Action<MeshSnapshot.Builder> change)
        {
            MeshSnapshot.Builder builder = Current.ToBuilder();
            builder.MarkComplete();
            change(builder);
            Current = builder.Build();
        }
    }
}
