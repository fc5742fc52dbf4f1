using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>A lab whose workload certificates live for seconds.</summary>
public sealed class ShortLivedLab : TwoNodeLab
{
    protected override LabOptions Options => new() { CertificateLifetime = "8s" };
}

/// <summary>Certificates that are replaced while they are used.</summary>
public sealed class RotationTests(ShortLivedLab fixture) : IClassFixture<ShortLivedLab>
{
    private const int Rotations = 50;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    private readonly MeshLab _lab = fixture.Lab;

    [LabFact]
    public async Task Fifty_rotations_under_load_fail_no_request_and_no_open_connection()
    {
        LabPod client = await _lab.PodAsync("mesh/client-1");
        LabNode[] nodes = [await _lab.NodeAsync("node-1"), await _lab.NodeAsync("node-2")];
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), 8080);
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());
        using Socket open = await client.ConnectAsync(echo.EndPoint(), TestContext.Current.CancellationToken);
        using var life = new CancellationTokenSource();
        Task<(int Requests, int Failures)>[] load = [.. Enumerable.Range(0, 4).Select(_ => LoadAsync(client, echo, life.Token))];

        // The accounts of the clients and of the servers have a certificate each on either node; load crosses from one to the other.
        HashSet<string> serials = [.. await SerialsAsync(nodes)];
        int first = serials.Count;
        long startedAt = Stopwatch.GetTimestamp();
        while (serials.Count < first + Rotations && Stopwatch.GetElapsedTime(startedAt) < s_limit)
        {
            serials.UnionWith(await SerialsAsync(nodes));
            Assert.Equal("still here", await open.EchoAsync("still here"));
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, TestContext.Current.CancellationToken);
        }

        await life.CancelAsync();
        (int Requests, int Failures)[] results = await Task.WhenAll(load);
        Assert.Equal(4, first);
        Assert.True(serials.Count >= first + Rotations, $"{serials.Count - first} rotations within {s_limit.TotalSeconds} s");
        Assert.Equal(0, results.Sum(result => result.Failures));
        Assert.True(results.Sum(result => result.Requests) > 1_000);
    }

    private static async Task<(int Requests, int Failures)> LoadAsync(LabPod client, EchoServer echo, CancellationToken cancellation)
    {
        int requests = 0;
        int failures = 0;
        while (!cancellation.IsCancellationRequested)
        {
            requests++;
            failures += await Attempt.AnEchoAsync(client, echo.EndPoint()) == Outcome.Answered ? 0 : 1;
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, CancellationToken.None);
        }

        return (requests, failures);
    }

    private static async Task<IEnumerable<string>> SerialsAsync(LabNode[] nodes)
    {
        string[] pages = await Task.WhenAll(nodes.Select(node => node.AdminAsync("/certs")));
        return pages
            .SelectMany(page => JsonNode.Parse(page)!["certificates"]!.AsArray())
            .Select(certificate => certificate!["chain"]![0]!["serialNumber"]!.GetValue<string>());
    }
}
