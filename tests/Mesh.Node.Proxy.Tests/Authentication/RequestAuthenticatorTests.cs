using System.Text;
using System.Text.Json.Nodes;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Authentication;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Authentication;

/// <summary>
/// Goal: what several rules make of the tokens of a request is as reference B.8 says, each token is verified once, and a request whose
/// token is known costs no allocation. Method: an authenticator on a loop of its own.
/// </summary>
public sealed class RequestAuthenticatorTests : IDisposable
{
    private readonly EventLoop _loop = EventLoop.Start("test", 0, new EventLoopOptions());
    private readonly TokenWorker _worker = new(TimeProvider.System);
    private readonly TokenCache _cache = new();

    public void Dispose()
    {
        _worker.Dispose();
        _loop.Dispose();
    }

    [Fact]
    public async Task A_request_passes_when_one_rule_is_satisfied_or_none_has_an_opinion()
    {
        string good = TestIssuer.Sign(TestIssuer.Claims());
        string ofOther = TestIssuer.Sign(TestIssuer.Claims(("iss", "other")));
        string expired = TestIssuer.Sign(TestIssuer.Claims(("exp", 1)));
        string forOthers = TestIssuer.Sign(TestIssuer.Claims(("aud", "b")));
        TokenRule rule = TestIssuer.Rule(TestIssuer.Rsa());
        var second = new TokenRule { Issuer = "other", Keys = rule.Keys, Fields = rule.Fields };
        var elsewhere = new TokenRule { Issuer = "other", Keys = rule.Keys, Fields = [new TokenField(new HeaderName("x-token"), new ByteText(""))] };
        var narrow = new TokenRule { Issuer = TestIssuer.Issuer, Keys = rule.Keys, Fields = rule.Fields, Audiences = ["a"] };
        Assert.Null(await StatusAsync([rule], []));
        Assert.Null(await StatusAsync([rule], [("authorization", "Basic x")]));
        Assert.Null(await StatusAsync([rule], [("authorization", $"Bearer {good}")]));
        Assert.Equal("Jwt is expired", await StatusAsync([rule], [("authorization", $"Bearer {expired}")]));
        Assert.Equal("Jwt issuer is not configured", await StatusAsync([rule], [("authorization", $"Bearer {ofOther}")]));
        Assert.Null(await StatusAsync([rule, second], [("authorization", $"Bearer {ofOther}")]));
        Assert.Null(await StatusAsync([second, rule], [("authorization", $"Bearer {good}")]));

        // The fault of the rule that is about the issuer is the one that is told.
        Assert.Equal("Jwt is expired", await StatusAsync([rule, second], [("authorization", $"Bearer {expired}")]));
        Assert.Equal("Audiences in Jwt are not allowed", await StatusAsync([narrow, second], [("authorization", $"Bearer {forOthers}")]));
        Assert.Null(await StatusAsync([narrow, rule], [("authorization", $"Bearer {forOthers}")]));

        // Satisfied here, missing there; satisfied here, bad there; bad here, missing there.
        Assert.Null(await StatusAsync([rule, elsewhere], [("authorization", $"Bearer {good}")]));
        Assert.Null(await StatusAsync([rule, elsewhere], [("authorization", $"Bearer {good}"), ("x-token", "nonsense")]));
        Assert.StartsWith("Jwt is not in the form", await StatusAsync([rule, elsewhere], [("x-token", "nonsense")]), StringComparison.Ordinal);

        // Of one rule every token must be good.
        Assert.Equal("Jwt is expired", await StatusAsync([rule], [("authorization", $"Bearer {good}"), ("authorization", $"Bearer {expired}")]));
        Assert.Equal(
            "Request has too many Jwts", await StatusAsync([rule], [.. Enumerable.Repeat(("authorization", $"Bearer {good}"), 5)]));
    }

    [Fact]
    public async Task A_preflight_bears_no_token_and_sets_nothing()
    {
        TokenRule rule = WithOutputs();
        (LocalAnswer? answer, RequestHead head, VerifiedToken? token) = await AskAsync(
            [rule], [("origin", "http://a"), ("access-control-request-method", "GET"), ("authorization", "Bearer x"), ("x-sub", "root")], "OPTIONS");
        Assert.Null(answer);
        Assert.Null(token);
        Assert.Equal(-1, head.Fields.IndexOf("x-sub"u8));
        (answer, _, _) = await AskAsync([rule], [("origin", "http://a"), ("authorization", "Bearer x")], "OPTIONS");
        Assert.NotNull(answer);
    }

    [Fact]
    public async Task An_application_is_told_of_the_token_by_the_proxy_alone()
    {
        string good = TestIssuer.Sign(TestIssuer.Claims(("role", "a\r\nx: y"), ("deep", new JsonObject { ["level"] = 7 })));
        (_, RequestHead head, VerifiedToken? token) = await AskAsync(
            [WithOutputs()], [("x-sub", "root"), ("x-role", "root"), ("x-payload", "root"), ("authorization", $"Bearer {good}")]);
        Assert.Equal("https://issuer.example/alice", token!.Principal);
        Assert.Equal("alice", Value(head, "x-sub"));
        Assert.Equal("7", Value(head, "x-level"));
        Assert.Null(Value(head, "x-role"));
        Assert.Equal(good.Split('.')[1], Value(head, "x-payload"));
        Assert.Null(Value(head, "authorization"));

        (_, head, token) = await AskAsync([WithOutputs()], [("x-sub", "root"), ("x-role", "root"), ("x-payload", "root")]);
        Assert.Null(token);
        Assert.Equal(0, head.Fields.Count);

        var kept = new TokenRule { Keys = [TestIssuer.Rsa()], Fields = [TokenRule.DefaultField], ForwardsToken = true };
        (_, head, _) = await AskAsync([kept], [("authorization", $"Bearer {good}")]);
        Assert.Equal($"Bearer {good}", Value(head, "authorization"));
    }

    [Fact]
    public async Task A_known_token_is_not_verified_again_and_costs_no_allocation()
    {
        var counted = new CountingKey();
        TokenRule rule = new()
        {
            Keys = [counted],
            Fields = [TokenRule.DefaultField],
            PayloadField = new HeaderName("x-payload"),
            ClaimFields = [new ClaimField(new HeaderName("x-sub"), ["sub"])],
        };
        var other = new TokenRule { Issuer = "zz", Keys = [counted], Fields = [TokenRule.DefaultField] };
        (string, string)[] fields = [("authorization", $"Bearer {TestIssuer.Sign(TestIssuer.Claims())}"), ("accept", "*/*")];
        Assert.Null(await StatusAsync([rule], fields));
        Assert.Equal(1, counted.Count);
        Assert.Null(await StatusAsync([rule, other], fields));
        Assert.Equal(1, counted.Count);

        TokenRules rules = TokenRules.Of([rule, other]);
        RequestHead original = HeadOf(fields, "GET");
        long bytes = await OnLoopAsync(async () =>
        {
            var authenticator = new RequestAuthenticator(_loop, _worker, _cache);
            var head = new RequestHead();
            await Task.CompletedTask;
            return SteadyState.AllocatedBytes(() =>
            {
                for (int round = 0; round < 1_000; round++)
                {
                    head.CopyFrom(original);
                    ValueTask<LocalAnswer?> asked = authenticator.AuthenticateAsync(rules, head);
                    Assert.True(asked.IsCompletedSuccessfully && authenticator.Token is not null);
                }
            });
        });
        Assert.Equal(0, bytes);
    }

    [Fact]
    public void The_cache_is_bounded_and_keeps_what_is_used()
    {
        TokenRule rule = TestIssuer.Rule(TestIssuer.Rsa());
        VerifiedToken token = TokenVerification.Verify(Encoding.ASCII.GetBytes(TestIssuer.Sign(TestIssuer.Claims())), rule, 0, out _)!;
        var used = new TokenHash(1, 0, 0, 0);
        _cache.Add(in used, token);
        for (ulong i = 0; i < 100; i++)
        {
            // All of one set.
            _cache.Add(new TokenHash(1, i + 1, 0, 0), token);
            Assert.Same(token, _cache.Find(in used, rule, out _));
        }

        Assert.Null(_cache.Find(new TokenHash(1, 1, 0, 0), rule, out _));
        Assert.Same(token, _cache.Find(new TokenHash(1, 100, 0, 0), rule, out _));
        Assert.Null(_cache.Find(in used, TestIssuer.Rule(), out VerifiedToken? ofOthers));
        Assert.Same(token, ofOthers);
    }

    private static TokenRule WithOutputs() => new()
    {
        Issuer = TestIssuer.Issuer,
        Keys = [TestIssuer.Rsa()],
        Fields = [TokenRule.DefaultField],
        PayloadField = new HeaderName("X-Payload"),
        ClaimFields =
        [
            new ClaimField(new HeaderName("X-Sub"), ["sub"]),
            new ClaimField(new HeaderName("X-Role"), ["role"]),
            new ClaimField(new HeaderName("X-Level"), ["deep", "level"]),
        ],
    };

    private static string? Value(RequestHead head, string name) =>
        head.Fields.TryGet(Encoding.ASCII.GetBytes(name), out ReadOnlySpan<byte> value) ? Encoding.ASCII.GetString(value) : null;

    private static RequestHead HeadOf((string Name, string Value)[] fields, string method)
    {
        var head = new RequestHead { Method = Encoding.ASCII.GetBytes(method), Path = "/"u8 };
        foreach ((string name, string value) in fields)
        {
            head.Fields.Add(Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value));
        }

        return head;
    }

    private async Task<string?> StatusAsync(TokenRule[] rules, (string Name, string Value)[] fields) =>
        (await AskAsync(rules, fields)).Answer?.Text;

    private Task<(LocalAnswer? Answer, RequestHead Head, VerifiedToken? Token)> AskAsync(
        TokenRule[] rules, (string Name, string Value)[] fields, string method = "GET") => OnLoopAsync(async () =>
    {
        var authenticator = new RequestAuthenticator(_loop, _worker, _cache);
        RequestHead head = HeadOf(fields, method);
        LocalAnswer? answer = await authenticator.AuthenticateAsync(TokenRules.Of(rules), head);
        return (answer, head, authenticator.Token);
    });

    private async Task<T> OnLoopAsync<T>(Func<Task<T>> body)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(() => _ = RunAsync());
        return await done.Task;

        async Task RunAsync()
        {
            try
            {
                done.SetResult(await body());
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        }
    }

    private sealed class CountingKey() : TokenKey(null, null)
    {
        private readonly TokenKey _key = TestIssuer.Rsa(id: null);

        public int Count { get; private set; }

        public override bool Fits(TokenAlgorithm algorithm) => _key.Fits(algorithm);

        public override bool Verify(TokenAlgorithm algorithm, ReadOnlyMemory<byte> text, byte[] signature)
        {
            Count++;
            return _key.Verify(algorithm, text, signature);
        }
    }
}
