using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Keys;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Keys;
using Mesh.Control.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>
/// Goal: keys come from where policies say, in bounds, and what was good stays. Method: an issuer of the test's own on loopback, which this
/// fetcher alone does not refuse.
/// </summary>
public sealed class KeyStoreTests : IAsyncLifetime
{
    private const string KeyOne = """{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}""";

    private readonly WebApplication _issuer;
    private readonly FakeTimeProvider _time = new();
    private readonly KeyFetcher _fetcher;
    private readonly KeyStore _store;
    private RequestDelegate _answer = context => context.Response.WriteAsync(KeyOne);
    private int _asked;
    private int _changes;

    public KeyStoreTests()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0));
        _issuer = builder.Build();
        _issuer.Run(context =>
        {
            Interlocked.Increment(ref _asked);
            return _answer(context);
        });
        _fetcher = new KeyFetcher(_ => false, TimeProvider.System);
        _store = new KeyStore(_fetcher, _time, NullLogger<KeyStore>.Instance);
        _store.Changed += () => _changes++;
    }

    private string Address => _issuer.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    public async ValueTask InitializeAsync() => await _issuer.StartAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        _fetcher.Dispose();
        await _issuer.DisposeAsync();
    }

    [Fact]
    public async Task Keys_come_once_are_refreshed_and_the_last_good_ones_stay()
    {
        KeyLocation location = At("/keys");
        _store.Want(Model(location));
        Assert.Empty(_store.KeysAt(location));
        await FetchAsync();
        Assert.Equal("one", Assert.Single(_store.KeysAt(location)).Id);
        Assert.Equal((1, 1), (_asked, _changes));

        // Nothing is due; then the same; then others.
        await FetchAsync();
        _time.Advance(TimeSpan.FromMinutes(23));
        await FetchAsync();
        Assert.Equal((2, 1), (_asked, _changes));
        _answer = context => context.Response.WriteAsync(KeyOne.Replace("one", "two", StringComparison.Ordinal));
        _time.Advance(TimeSpan.FromMinutes(23));
        await FetchAsync();
        Assert.Equal("two", Assert.Single(_store.KeysAt(location)).Id);
        Assert.Equal((3, 2), (_asked, _changes));

        _answer = context => context.Response.WriteAsync("""{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}""");
        _time.Advance(TimeSpan.FromMinutes(23));
        await FetchAsync();
        Assert.Equal("two", Assert.Single(_store.KeysAt(location)).Id);

        // After a failure it is tried again soon.
        _answer = context => context.Response.WriteAsync(KeyOne);
        _time.Advance(TimeSpan.FromSeconds(6));
        await FetchAsync();
        Assert.Equal("one", Assert.Single(_store.KeysAt(location)).Id);
        Assert.Equal((5, 3), (_asked, _changes));

        _store.Want(MeshModel.Empty);
        Assert.Empty(_store.KeysAt(location));
    }

    [Fact]
    public async Task An_issuer_says_where_its_keys_are()
    {
        _answer = context => context.Response.WriteAsync(context.Request.Path.Value switch
        {
            "/realm/.well-known/openid-configuration" => $$"""{"issuer":"{{Address}}/realm/","jwks_uri":"{{Address}}/keys"}""",
            "/keys" => KeyOne,
            _ => "nothing",
        });
        var location = new KeyLocation($"{Address}/realm/", IsDiscovered: true, TimeSpan.FromSeconds(30));
        Assert.Null((await _fetcher.FetchAsync(location, TestContext.Current.CancellationToken)).Problem);
        Assert.Contains("another issuer", await ProblemAsync(location with { Uri = $"{Address}/realm" }), StringComparison.Ordinal);
        _answer = context => context.Response.WriteAsync("[");
        Assert.Contains("no JSON", await ProblemAsync(location), StringComparison.Ordinal);
        _answer = context => context.Response.WriteAsync($$"""{"issuer":"{{Address}}/realm/","jwks_uri":"file:///etc/passwd"}""");
        Assert.Contains("does not say where", await ProblemAsync(location), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bounds_hold()
    {
        _answer = context =>
        {
            context.Response.Redirect("/elsewhere");
            return Task.CompletedTask;
        };
        Assert.Equal("The answer is 302.", await ProblemAsync(At("/")));
        Assert.Equal(1, _asked);
        _answer = context => context.Response.WriteAsync(new string(' ', JsonWebKeySet.TextBytesMax + 1));
        Assert.NotNull(await ProblemAsync(At("/")));
        _answer = context => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        Assert.Equal("Nothing came within 0.2 s.", await ProblemAsync(At("/") with { Timeout = TimeSpan.FromMilliseconds(200) }));
        await Eventually.TrueAsync(() => Volatile.Read(ref _asked) == 3, "all have come");

        // What is no address of anything is a failure of one place, and of nothing else.
        Assert.NotNull(await ProblemAsync(new KeyLocation("https://host ", IsDiscovered: true, TimeSpan.FromSeconds(30))));
        Assert.NotNull(await ProblemAsync(new KeyLocation("nowhere", IsDiscovered: false, TimeSpan.FromSeconds(30))));

        using var guarded = new KeyFetcher(KeyAddresses.IsRefused, TimeProvider.System);
        int before = _asked;
        foreach (string uri in (string[])[Address, Address.Replace("127.0.0.1", "localhost", StringComparison.Ordinal), "http://169.254.169.254/latest"])
        {
            JsonWebKeySet set = await guarded.FetchAsync(
                new KeyLocation(uri, IsDiscovered: false, TimeSpan.FromSeconds(30)), TestContext.Current.CancellationToken);
            Assert.Contains("never fetched from", set.Problem, StringComparison.Ordinal);
        }

        Assert.Equal(before, _asked);
    }

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.9.9.9", true)]
    [InlineData("0.0.0.0", true)]
    [InlineData("169.254.169.254", true)]
    [InlineData("100.100.100.200", true)]
    [InlineData("168.63.129.16", true)]
    [InlineData("224.0.0.1", true)]
    [InlineData("255.255.255.255", true)]
    [InlineData("::1", true)]
    [InlineData("::", true)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("::ffff:169.254.169.254", true)]
    [InlineData("64:ff9b::a9fe:a9fe", true)]
    [InlineData("2002:7f00:1::", true)]
    [InlineData("fe80::1", true)]
    [InlineData("fd00:ec2::254", true)]
    [InlineData("fd00:ec2::23", true)]
    [InlineData("::7f00:1", true)]
    [InlineData("64:ff9b:1::808:808", true)]
    [InlineData("ff02::1", true)]
    [InlineData("10.0.0.1", false)]
    [InlineData("192.168.1.1", false)]
    [InlineData("8.8.8.8", false)]
    [InlineData("2001:db8::1", false)]
    [InlineData("fd00::1", false)]
    [InlineData("64:ff9b::808:808", false)]
    public void Addresses_of_the_machine_itself_are_refused(string address, bool isRefused) =>
        Assert.Equal(isRefused, KeyAddresses.IsRefused(IPAddress.Parse(address)));

    private KeyLocation At(string path) => new(Address + path, IsDiscovered: false, TimeSpan.FromSeconds(30));

    private Task FetchAsync() => _store.FetchDueAsync(TestContext.Current.CancellationToken);

    private async Task<string?> ProblemAsync(KeyLocation location) =>
        (await _fetcher.FetchAsync(location, TestContext.Current.CancellationToken)).Problem;

    private static MeshModel Model(KeyLocation location) => new(ImmutableSortedDictionary<string, NamespaceModel>.Empty.Add("n", new NamespaceModel
    {
        Name = "n",
        Policies =
        [
            new AuthorizationPolicy
            {
                Namespace = "n",
                Name = "p",
                Scope = PolicyScope.Namespace,
                Action = PolicyAction.Deny,
                TokenRules = [new TokenRule { Issuer = "i", KeyLocation = location }],
            },
        ],
    }));
}
