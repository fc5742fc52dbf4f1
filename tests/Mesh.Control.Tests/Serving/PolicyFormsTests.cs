using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Api.Discovery;
using Mesh.Api.Policies;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Keys;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.Xds;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using Authorizer = Mesh.Control.Model.Canonical.Authorizer;
using Wire = Mesh.Api.Security;

namespace Mesh.Control.Tests.Serving;

/// <summary>A policy reaches a proxy in one form: whole where it says that it reads that, in ambient's fields elsewhere.</summary>
public sealed class PolicyFormsTests
{
    private static readonly PolicyMatch s_port = new() { DestinationPorts = [80] };
    private static readonly PolicyMatch s_method = new() { Request = new RequestMatch { Methods = [new TextMatch(TextMatchKind.Exact, "GET")] } };
    private static readonly PolicyMatch s_both = s_port with { Request = s_method.Request };
    private static readonly PolicyMatch s_domain = new() { TrustDomains = [TextMatch.AnyValue] };

    [Fact]
    public void A_policy_about_connections_has_one_form()
    {
        ServedResource served = Compile(PolicyAction.Deny, Rule([s_port]));

        Assert.Same(served.Message, served.Whole);
        Assert.Empty(Assert.Single(PlainOf(served).Rules[0].Clauses[0].Matches).Extensions);
    }

    [Fact]
    public void An_ALLOW_rule_that_asks_for_more_is_left_out_of_the_plain_form()
    {
        ServedResource served = Compile(PolicyAction.Allow, Rule([s_both]), Rule([s_port], [s_domain]), Rule([s_port]));

        Assert.Equal([80u], Assert.Single(Assert.Single(Assert.Single(PlainOf(served).Rules).Clauses).Matches).DestinationPorts);
        Assert.Equal(3, WholeOf(served).Rules.Count);
        Assert.Empty(PlainOf(Compile(PolicyAction.Allow, Rule([s_method]))).Rules);
    }

    [Fact]
    public void A_DENY_rule_holds_in_the_plain_form_without_what_it_asks_for_more()
    {
        ServedResource served = Compile(PolicyAction.Deny, Rule([s_both]), Rule([s_port], [s_method]), Rule([s_port, s_method]), Rule([s_domain]));

        Wire.Authorization plain = PlainOf(served);
        Assert.Equal([80u], Assert.Single(Assert.Single(plain.Rules[0].Clauses).Matches).DestinationPorts);
        Assert.Equal([80u], Assert.Single(Assert.Single(plain.Rules[1].Clauses).Matches).DestinationPorts);
        Assert.Empty(plain.Rules[2].Clauses);
        Assert.Empty(plain.Rules[3].Clauses);
        Assert.All(plain.Rules.SelectMany(rule => rule.Clauses).SelectMany(clause => clause.Matches), match => Assert.Empty(match.Extensions));
    }

    [Fact]
    public void The_whole_form_has_all_conditions()
    {
        var request = new RequestMatch
        {
            Paths = [PathPattern.Of(new TextMatch(TextMatchKind.Prefix, "/a")), PathPattern.OfTemplate("/b/{*}")],
            NotPaths = [PathPattern.OfTemplate("/c/{**}")],
            Headers = [new PolicyHeader("x", [TextMatch.AnyValue], [])],
            Claims = [new PolicyClaim(["a", "b"], [], [TextMatch.AnyValue])],
        };
        ServedResource served = Compile(PolicyAction.Deny, Rule([s_port with { Request = request }]));

        Wire.Match match = WholeOf(served).Rules[0].Clauses[0].Matches[0];
        Assert.Equal([80u], match.DestinationPorts);
        Wire.Extension extension = Assert.Single(match.Extensions);
        Assert.Equal("mesh-node.io/conditions", extension.Name);
        MatchConditions conditions = extension.Config.Unpack<MatchConditions>();
        Assert.Equal("/a", Assert.Single(conditions.Paths).Prefix);
        Assert.Equal(["/b/{*}"], conditions.PathTemplates);
        Assert.Equal(["/c/{**}"], conditions.NotPathTemplates);
        Assert.Equal("x", Assert.Single(conditions.Headers).Name);
        Assert.Equal(["a", "b"], Assert.Single(conditions.Claims).Path);
        Assert.Equal(served.Message.Version, served.Whole.Version);
    }

    [Fact]
    public void Token_rules_are_whole_for_proxies_that_read_them_and_nothing_for_others()
    {
        var key = new PublicKey("k", "EdDSA", PublicKeyKind.Ed25519, [.. new byte[32]], []);
        ServedResource served = AuthorizationCompiler.Compile(new AuthorizationPolicy
        {
            Namespace = "shop",
            Name = "p",
            Scope = PolicyScope.Namespace,
            Action = PolicyAction.Deny,
            TokenRules =
            [
                new Mesh.Control.Model.Canonical.TokenRule
                {
                    Issuer = "i",
                    Audiences = ["a"],
                    Keys =
                    [
                        key,
                        new PublicKey("", "", PublicKeyKind.Rsa, [1], [3]),
                        new PublicKey("", "", PublicKeyKind.P521, [1], [2]),
                    ],
                    Headers = [new Mesh.Control.Model.Canonical.TokenHeader("h", "p")],
                    Parameters = ["q"],
                    Cookies = ["c"],
                    PayloadHeader = "o",
                    ClaimHeaders = [new Mesh.Control.Model.Canonical.ClaimHeader("x", ["a", "b"])],
                    ForwardsToken = true,
                    ListClaims = ["l"],
                },
                new Mesh.Control.Model.Canonical.TokenRule
                {
                    Issuer = "far",
                    KeyLocation = new KeyLocation("https://far.example", IsDiscovered: true, TimeSpan.FromSeconds(5)),
                },
            ],
        });

        // It never matches: nothing is denied by it.
        Assert.Empty(PlainOf(served).Rules);
        Assert.Empty(PlainOf(served).Extensions);
        Assert.Equal(Wire.Action.Deny, PlainOf(served).Action);
        Assert.Empty(WholeOf(served).Rules);
        Wire.Extension extension = Assert.Single(WholeOf(served).Extensions);
        Assert.Equal("mesh-node.io/request-authentication", extension.Name);
        RequestAuthentication authentication = extension.Config.Unpack<RequestAuthentication>();
        Assert.Equal(
            "{ \"issuer\": \"i\", \"audiences\": [ \"a\" ], \"keys\": [ "
            + "{ \"id\": \"k\", \"algorithm\": \"EdDSA\", \"ed25519\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\" }, "
            + "{ \"rsa\": { \"modulus\": \"AQ==\", \"exponent\": \"Aw==\" } }, "
            + "{ \"curve\": { \"name\": \"P-521\", \"x\": \"AQ==\", \"y\": \"Ag==\" } } ], "
            + "\"headers\": [ { \"name\": \"h\", \"prefix\": \"p\" } ], \"parameters\": [ \"q\" ], \"cookies\": [ \"c\" ], "
            + "\"payloadHeader\": \"o\", \"claimHeaders\": [ { \"name\": \"x\", \"path\": [ \"a\", \"b\" ] } ], "
            + "\"forwardsToken\": true, \"listClaims\": [ \"l\" ] }",
            authentication.Rules[0].ToString());
        Assert.Empty(authentication.Rules[1].Keys);
    }

    [Fact]
    public void Limits_are_told_to_whoever_reads_them_and_deny_nothing_to_others()
    {
        ServedResource served = AuthorizationCompiler.Compile(new AuthorizationPolicy
        {
            Namespace = "shop",
            Name = "limits",
            Scope = PolicyScope.Namespace,
            Action = PolicyAction.Deny,
            RateLimits =
            [
                new Model.Canonical.RateLimit(Rule([s_port]), 10, TimeSpan.FromMilliseconds(250), 20, IsByClient: true),
                new Model.Canonical.RateLimit(PolicyRule.MatchesEverything, 5, TimeSpan.FromSeconds(1), 5, IsByClient: false),
            ],
        });

        Assert.Equal(Wire.Action.Deny, PlainOf(served).Action);
        Assert.Empty(PlainOf(served).Rules);
        Assert.Empty(PlainOf(served).Extensions);
        Wire.Extension extension = Assert.Single(WholeOf(served).Extensions);
        Assert.Equal("mesh-node.io/rate-limits", extension.Name);
        RateLimits limits = extension.Config.Unpack<RateLimits>();
        Assert.Equal(
            "{ \"match\": { \"clauses\": [ { \"matches\": [ { \"destinationPorts\": [ 80 ] } ] } ] }, "
            + "\"requests\": 10, \"interval\": \"0.250s\", \"burst\": 20, \"byClient\": true }",
            limits.Limits[0].ToString());
        Assert.Equal("{ \"requests\": 5, \"interval\": \"1s\", \"burst\": 5 }", limits.Limits[1].ToString());
    }

    [Fact]
    public void CUSTOM_is_a_DENY_to_whoever_cannot_ask()
    {
        ServedResource served = Compile(PolicyAction.Custom, Rule([s_port]));

        Assert.Equal(Wire.Action.Deny, PlainOf(served).Action);
        Assert.Empty(PlainOf(served).Extensions);
        Assert.Equal(Wire.Action.Deny, WholeOf(served).Action);
        Wire.Extension extension = Assert.Single(WholeOf(served).Extensions);
        Assert.Equal(("mesh-node.io/custom", "opa"), (extension.Name, extension.Config.Unpack<CustomAuthorization>().Provider));
    }

    [Fact]
    public void Whom_CUSTOM_has_asked_is_told_to_whoever_can_ask()
    {
        var asker = new Authorizer
        {
            Service = new ServiceKey("auth", "ask"),
            Port = 8000,
            IsGrpc = true,
            Timeout = TimeSpan.FromSeconds(1.5),
            FailsOpen = true,
            StatusOnFailure = 503,
            PathPrefix = "/check",
            RequestFields = [new TextMatch(TextMatchKind.Prefix, "x-")],
            AddedFields = [new KeyValuePair<string, string>("x-from", "mesh")],
            UpstreamFields = [new TextMatch(TextMatchKind.Exact, "x-user")],
            AllowedAnswerFields = [TextMatch.AnyValue],
            DeniedAnswerFields = [new TextMatch(TextMatchKind.Suffix, "-why")],
            Content = new CheckedContent(10, MayBePartial: true, IsRaw: true),
        };
        CustomAuthorization custom = AuthorizerCompiler.WireOf(new AuthorizationPolicy
        {
            Namespace = "shop",
            Name = "p",
            Scope = PolicyScope.Namespace,
            Action = PolicyAction.Custom,
            Provider = "opa",
            Authorizer = asker,
        });
        Assert.Equal(
            "{ \"provider\": \"opa\", \"authorizer\": { \"protocol\": \"GRPC\", \"service\": \"auth/ask\", \"port\": 8000, "
            + "\"timeout\": \"1.500s\", \"failOpen\": true, \"statusOnFailure\": 503, \"pathPrefix\": \"/check\", "
            + "\"requestFields\": [ { \"prefix\": \"x-\" } ], \"addedFields\": [ { \"name\": \"x-from\", \"value\": \"mesh\" } ], "
            + "\"upstreamFields\": [ { \"exact\": \"x-user\" } ], \"allowedAnswerFields\": [ { \"presence\": { } } ], "
            + "\"deniedAnswerFields\": [ { \"suffix\": \"-why\" } ], "
            + "\"content\": { \"bytesMax\": 10, \"mayBePartial\": true, \"isRaw\": true } } }",
            custom.ToString());
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("v1", true)]
    [InlineData("v2", false)]
    public async Task A_proxy_is_sent_the_form_it_says_it_reads(string? says, bool isWhole)
    {
        ResourceStore store = Publish(PolicyAction.Deny, Rule([s_method]));
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var client = new Client(says);
        var session = new ProxySession(
            new NodeCaller("node-1", "token", CancellationToken.None), "address", store, TimeProvider.System, NullLogger.Instance);
        Task running = session.RunAsync(client, client, stopping.Token);
        DeltaDiscoveryResponse response = await client.Response.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        Wire.Rule rule = Assert.Single(Assert.Single(response.Resources).Resource_.Unpack<Wire.Authorization>().Rules);
        Assert.Equal(isWhole ? 1 : 0, rule.Clauses.Count);
    }

    private static PolicyRule Rule(params PolicyMatch[][] clauses) => new([.. clauses.Select(matches => new PolicyClause([.. matches]))]);

    private static ServedResource Compile(PolicyAction action, params PolicyRule[] rules) =>
        Assert.Single(Publish(action, rules).Find(TypeUrls.Authorization)!.Resources.Values);

    private static ResourceStore Publish(PolicyAction action, params PolicyRule[] rules)
    {
        var store = new ResourceStore(TimeProvider.System);
        var policy = new AuthorizationPolicy
        {
            Namespace = "shop",
            Name = "p",
            Scope = PolicyScope.Namespace,
            Action = action,
            Provider = action == PolicyAction.Custom ? "opa" : "",
            Rules = [.. rules],
        };
        store.Publish(new Dictionary<string, IReadOnlyCollection<ServedResource>>
        {
            [TypeUrls.Authorization] = [AuthorizationCompiler.Compile(policy)],
        });
        return store;
    }

    private static Wire.Authorization PlainOf(ServedResource served) => served.Message.Resource_.Unpack<Wire.Authorization>();

    private static Wire.Authorization WholeOf(ServedResource served) => served.Whole.Resource_.Unpack<Wire.Authorization>();

    /// <summary>A proxy that subscribes to policies and takes one response.</summary>
    private sealed class Client(string? says) : IAsyncStreamReader<DeltaDiscoveryRequest>, IServerStreamWriter<DeltaDiscoveryResponse>
    {
        private readonly TaskCompletionSource<DeltaDiscoveryResponse> _response = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private bool _hasSaid;

        public Task<DeltaDiscoveryResponse> Response => _response.Task;

        public WriteOptions? WriteOptions { get; set; }

        public DeltaDiscoveryRequest Current
        {
            get
            {
                var node = new Node { Id = "n", Metadata = new Struct() };
                node.Metadata.Fields["NODE_NAME"] = Value.ForString("node-1");
                if (says is not null)
                {
                    node.Metadata.Fields["MESH_NODE_POLICIES"] = Value.ForString(says);
                }

                return new DeltaDiscoveryRequest { TypeUrl = TypeUrls.Authorization, Node = node };
            }
        }

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            if (_hasSaid)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            }

            _hasSaid = true;
            return true;
        }

        public Task WriteAsync(DeltaDiscoveryResponse message)
        {
            _response.TrySetResult(message);
            return Task.CompletedTask;
        }

        public Task WriteAsync(DeltaDiscoveryResponse message, CancellationToken cancellationToken) => WriteAsync(message);
    }
}
