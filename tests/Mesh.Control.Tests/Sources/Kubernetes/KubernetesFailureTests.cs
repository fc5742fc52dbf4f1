using System.Text;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Tests.Support;
using Mesh.Control.Tests.Support.Kubernetes;
using Mesh.Testing.Kubernetes;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Control.Tests.Sources.Kubernetes;

/// <summary>Whatever the API server does, what was known stays, and the source comes back by itself without storming.</summary>
public sealed class KubernetesFailureTests
{
    [Fact]
    public async Task A_kind_that_may_not_be_read_is_named_and_holds_everything_back_until_it_may()
    {
        bool isForbidden = true;
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
        {
            server.Apply(Manifests.Namespace("shop"));
            server.FaultWhile(() => Volatile.Read(ref isForbidden), IsListOf("networkpolicies"), context => ApiServer.FailAsync(
                context, 403, "Forbidden", "networkpolicies.networking.k8s.io is forbidden: User \"mesh\" cannot list it"));
        });

        ManifestSnapshot waiting = await cluster.NextAsync();
        Assert.False(waiting.IsComplete);
        Diagnostic problem = Assert.Single(waiting.Diagnostics, diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        Assert.Equal("networkpolicies.networking.k8s.io", problem.Field);
        Assert.Contains("cannot list it", problem.Reason, StringComparison.Ordinal);

        Volatile.Write(ref isForbidden, false);
        ManifestSnapshot complete = await cluster.NextAsync(snapshot => snapshot.IsComplete);
        Assert.Empty(complete.Diagnostics);
    }

    [Fact]
    public async Task While_the_api_server_is_away_what_was_known_stays_and_is_said_to_be_old()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
            server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1")));
        ManifestSnapshot before = await cluster.NextAsync("Pod shop/cart");

        cluster.Server.Pause();
        ManifestSnapshot away = await cluster.NextAsync(snapshot => snapshot.Diagnostics.Any(diagnostic => diagnostic.Field == "pods"));
        Assert.True(away.IsComplete);
        Assert.Same(before.Objects[0], away.Objects[0]);
        Assert.All(away.Diagnostics, diagnostic => Assert.Equal(DiagnosticSeverity.Warning, diagnostic.Severity));
        Assert.Contains(
            $"The API server at {cluster.Server.Address}/ does not answer",
            away.Diagnostics.First(diagnostic => diagnostic.Field == "pods").Reason,
            StringComparison.Ordinal);

        cluster.Server.Apply(Manifests.Pod("shop", "web", "10.0.0.2"));
        cluster.Server.Resume();
        ManifestSnapshot after = await cluster.NextAsync(snapshot => snapshot.Diagnostics.IsEmpty && snapshot.Objects.Length == 2);
        Assert.Same(before.Objects[0], after.Objects[0]);
    }

    [Fact]
    public async Task A_history_that_is_forgotten_again_and_again_is_no_reason_to_list_again_and_again()
    {
        const int Storm = 20;
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
        {
            server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1"));
            for (int count = 0; count < Storm; count++)
            {
                server.Fault(IsWatchOf("pods"), context => ApiServer.FailAsync(context, 410, "Expired", "too old resource version"));
            }
        });

        long start = TimeProvider.System.GetTimestamp();
        await cluster.NextAsync("Pod shop/cart");
        await Eventually.TrueAsync(() => cluster.Server.Requests.Count(IsWatchOf("pods")) > Storm, "the end of the storm");
        TimeSpan lasted = TimeProvider.System.GetElapsedTime(start);

        // 5 + 10 + 20 + 40 + 80 ms and 100 ms fifteen times, at least the half of each.
        Assert.True(lasted >= TimeSpan.FromMilliseconds(800), $"{Storm} lists within {lasted.TotalMilliseconds:0} ms");
        cluster.Server.Apply(Manifests.Pod("shop", "web", "10.0.0.2"));
        await cluster.NextAsync("Pod shop/cart", "Pod shop/web");
    }

    [Fact]
    public async Task A_list_whose_pages_expire_is_begun_anew_and_its_beginning_is_not_taken_for_all()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(
            server =>
            {
                for (int index = 0; index < 6; index++)
                {
                    server.Apply(Manifests.Pod("shop", $"cart-{index}", $"10.0.0.{index + 1}"));
                }

                server.Fault(
                    IsNextPageOf("pods"), context => ApiServer.FailAsync(context, 410, "Expired", "The continue parameter is too old"));
            },
            FollowedCluster.Quick with { PageObjects = 2 });

        ManifestSnapshot complete = await cluster.NextAsync(snapshot => snapshot.IsComplete);

        Assert.Equal(6, complete.Objects.Length);
        Assert.Empty(complete.Diagnostics);
    }

    [Fact]
    public async Task A_page_too_large_to_hold_is_asked_for_in_parts()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(
            server =>
            {
                for (int index = 0; index < 20; index++)
                {
                    server.Apply(Manifests.Pod("shop", $"cart-{index:00}", $"10.0.0.{index + 1}"));
                }
            },
            FollowedCluster.Quick with { PageBytesMax = 4_000 });

        ManifestSnapshot complete = await cluster.NextAsync(snapshot => snapshot.IsComplete);

        Assert.Equal(20, complete.Objects.Length);
    }

    [Theory]
    [InlineData("not json\n")]
    [InlineData("[]\n")]
    [InlineData("""{"type":"SURPRISE","object":{}}""" + "\n")]
    [InlineData("""{"type":"ADDED"}""" + "\n")]
    [InlineData("""{"type":"ERROR","object":{"code":500,"message":"etcd is away"}}""" + "\n")]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"a/b","resourceVersion":"1"}}}""" + "\n")]
    [InlineData("")]
    public async Task A_watch_that_says_nonsense_changes_nothing_and_is_begun_anew(string said)
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
        {
            server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1"));
            server.Fault(IsWatchOf("pods"), context => context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(said)).AsTask());
        });
        ManifestSnapshot before = await cluster.NextAsync("Pod shop/cart");

        cluster.Server.Apply(Manifests.Pod("shop", "web", "10.0.0.2"));

        ManifestSnapshot after = await cluster.NextAsync("Pod shop/cart", "Pod shop/web");
        Assert.Same(before.Objects[0], after.Objects[0]);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"metadata":{"resourceVersion":"7"},"items":[{}""")]
    public async Task A_list_that_is_none_is_not_taken_for_an_empty_one(string said)
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(server =>
        {
            server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1"));
            server.Fault(IsListOf("pods"), context => context.Response.WriteAsync(said));
        });

        ManifestSnapshot complete = await cluster.NextAsync(snapshot => snapshot.IsComplete);

        Assert.Equal(["Pod shop/cart"], FollowedCluster.Names(complete));
    }

    [Fact]
    public async Task A_watch_that_goes_silent_is_taken_for_dead()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(
            server =>
            {
                server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1"));
                server.Fault(IsWatchOf("pods"), async context =>
                {
                    await context.Response.Body.FlushAsync(context.RequestAborted);
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted)
                        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                });
            },
            FollowedCluster.Quick with { SilenceMax = TimeSpan.FromSeconds(1) });
        await cluster.NextAsync("Pod shop/cart");

        cluster.Server.Apply(Manifests.Pod("shop", "web", "10.0.0.2"));

        await cluster.NextAsync("Pod shop/cart", "Pod shop/web");
    }

    [Fact]
    public async Task Everything_is_listed_anew_from_time_to_time()
    {
        await using FollowedCluster cluster = await FollowedCluster.StartAsync(
            server => server.Apply(Manifests.Pod("shop", "cart", "10.0.0.1")),
            FollowedCluster.Quick with { ResyncInterval = TimeSpan.FromMilliseconds(500), WatchDuration = TimeSpan.FromSeconds(1) });
        await cluster.NextAsync("Pod shop/cart");

        await Eventually.TrueAsync(() => cluster.Server.Requests.Count(IsListOf("pods")) > 1, "a second list");
    }

    private static Func<string, bool> IsListOf(string plural) =>
        target => target.Contains($"/{plural}?limit=", StringComparison.Ordinal);

    private static Func<string, bool> IsNextPageOf(string plural) =>
        target => IsListOf(plural)(target) && !target.EndsWith("continue=", StringComparison.Ordinal);

    private static Func<string, bool> IsWatchOf(string plural) =>
        target => target.Contains($"/{plural}?watch=", StringComparison.Ordinal);
}
