using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Mesh.Control.Cluster;
using Mesh.Control.Configuration;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Control.Tests.Support;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>Whose the roots in a namespace are is said by what is in them: a label stays when somebody else replaces the data.</summary>
public sealed class RootBundleTests : IAsyncLifetime
{
    private const string Key = "root-cert.pem";

    private static readonly string s_ours = Pem(1);
    private static readonly string s_next = Pem(1) + Pem(2);
    private static readonly string s_theirs = Pem(3);

    private readonly FakeTimeProvider _time = new();
    private readonly ConfigurationState _configuration = new();
    private readonly CancellationTokenSource _stopping = new();
    private ApiServer _server = null!;
    private KubernetesApi _api = null!;
    private KubernetesObjects _objects = null!;
    private Task _running = Task.CompletedTask;
    private volatile string _roots = s_ours;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _api = KubernetesApi.OpenConfiguration(_server.Kubeconfig, context: null);
        _objects = new KubernetesObjects(_api);
        SetNamespaces("shop");
        _running = new RootBundles(
            _objects, "mesh-node-root-cert", () => _roots, _configuration, () => true, _time, NullLogger<RootBundles>.Instance)
            .RunAsync(_stopping.Token);
        await UntilAsync(() => BundleOf("shop") == s_ours, "the namespace has the roots");
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _stopping.Dispose();
        _api.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Certificates_that_somebody_else_has_put_into_ours_are_left_alone()
    {
        await PutAsync(data => data[Key] = s_theirs);

        _roots = s_next;
        await UntilLookedAtAsync();

        Assert.Equal(s_theirs, BundleOf("shop"));
    }

    [Theory]
    [InlineData("no certificates")]
    [InlineData("")]
    public async Task What_holds_no_certificate_of_anybody_is_mended(string broken)
    {
        await PutAsync(data => data[Key] = broken);

        _roots = s_next;
        await UntilAsync(() => BundleOf("shop") == s_next, "the roots are there again");
    }

    [Fact]
    public async Task Ours_beside_others_is_ours_and_so_is_what_we_wrote_last_though_every_root_is_another_now()
    {
        await PutAsync(data => data[Key] = s_ours + s_theirs);
        _roots = s_next;
        await UntilAsync(() => BundleOf("shop") == s_next, "one of the roots is ours");

        _roots = Pem(4);
        await UntilAsync(() => BundleOf("shop") == Pem(4), "we wrote it");
    }

    [Fact]
    public async Task Other_keys_stay()
    {
        await PutAsync(data => data["of-another"] = "kept");

        _roots = s_next;
        await UntilAsync(() => BundleOf("shop") == s_next, "the roots are there");

        Assert.Equal("kept", Find("shop")!["data"]!["of-another"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_namespace_that_is_made_again_does_not_wait()
    {
        SetNamespaces("other");
        _server.Of("ConfigMap").Delete("shop", "mesh-node-root-cert");
        await UntilAsync(() => BundleOf("other") == s_ours, "the loop knows that the namespace is gone");
        DateTimeOffset before = _time.GetUtcNow();

        SetNamespaces("other", "shop");
        await UntilAsync(() => BundleOf("shop") == s_ours, "the namespace has the roots", stepMs: 100);

        Assert.InRange(_time.GetUtcNow() - before, TimeSpan.Zero, TimeSpan.FromMinutes(9));
    }

    private static string Pem(byte number) => PemEncoding.WriteString("CERTIFICATE", [number, 0, 0]) + "\n";

    private void SetNamespaces(params string[] names) =>
        _configuration.Replace(new ConfigurationState.View(Model: null, [], LoadedAt: null) { Namespaces = [.. names] });

    /// <summary>As somebody else would, who keeps labels and annotations.</summary>
    private async Task PutAsync(Action<JsonObject> change)
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        string path = KubernetesObjects.PathOf("v1", "configmaps", "shop", "mesh-node-root-cert");
        JsonObject found = (await _objects.FindAsync(path, cancellation))!;
        change(found["data"]!.AsObject());
        Assert.NotNull(await _objects.ReplaceAsync(path, found, cancellation));
    }

    /// <summary>Three requests from now on: were there a writing one among them, it is over.</summary>
    private Task UntilLookedAtAsync()
    {
        int before = Looks();
        return UntilAsync(() => Looks() >= before + 3, "it was looked at");

        int Looks() => _server.Requests.Count(request => request.Contains("shop/configmaps/", StringComparison.Ordinal));
    }

    /// <param name="isSo">What is waited for.</param>
    /// <param name="what">The same in words.</param>
    /// <param name="stepMs">How far the clock moves with each look: the loop runs as fast as the machine lets it.</param>
    private Task UntilAsync(Func<bool> isSo, string what, int stepMs = 1_000) => Eventually.TrueAsync(
        () =>
        {
            _time.Advance(TimeSpan.FromMilliseconds(stepMs));
            return isSo();
        },
        what);

    private JsonObject? Find(string @namespace) => _server.Of("ConfigMap").List().Items
        .SingleOrDefault(map => map["metadata"]!["namespace"]!.GetValue<string>() == @namespace);

    private string? BundleOf(string @namespace) => Find(@namespace)?["data"]![Key]!.GetValue<string>();
}
