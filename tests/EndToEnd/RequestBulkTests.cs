using System.Security.Cryptography;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Many requests and long ones. Goal: they arrive whole, are held at once as often as their clients like, and the proxies take no more for
/// them than they need. Method: curl and h2load in a pod, servers on its node and on another.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed partial class RequestBulkTests(TproxyLab fixture) : IsolatedTests(fixture)
{
    private const long Gibibyte = 1L << 30;

    private static readonly byte[] s_period = PeriodOf((1 << 20) + 7);

    [LabTheory]
    [InlineData("--http1.1", 1)]
    [InlineData("--http2-prior-knowledge", 2)]
    public async Task A_gibibyte_down_and_up_at_once_arrives_whole(string version, int node)
    {
        await ApplyAsync(Applications.Pod("bulk", node, "bulk") + Applications.Service("bulk"));
        await Fixture.ReadyAsync();
        await Fixture.SettleAsync();
        string sent = "";
        await using WebServer server = await WebServer.StartAsync(await Lab.PodAsync("mesh/bulk"), Applications.Port, async context =>
        {
            if (HttpMethods.IsGet(context.Request.Method))
            {
                sent = await SendAsync(context.Response);
                return;
            }

            await context.Response.WriteAsync(await ReceiveAsync(context.Request));
        });

        // What comes down goes up again.
        string curl = $"curl -sSf --max-time 170 {version}";
        string url = $"http://{await Lab.AddressAsync("bulk")}/";
        LabPod client = await Lab.PodAsync("mesh/client-1");
        string received = await client.OutputAsync("bash", "-c", $"set -o pipefail; {curl} {url} | {curl} -T - {url}");

        Assert.Equal(sent, received);
        Assert.StartsWith($"{Gibibyte} ", received, StringComparison.Ordinal);
    }

    [LabTheory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Ten_thousand_requests_are_in_flight_on_a_hundred_connections(int node)
    {
        const int Requests = 10_000;
        const double BytesEachMax = 96 * 1024;
        await ApplyAsync(Applications.Pod("held", node, "held") + Applications.Service("held", "http2"));
        await Fixture.ReadyAsync();
        await Fixture.SettleAsync();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int held = 0;
        double grownBytes = 0;
        double before = await ResidentBytesAsync();
        await using WebServer server = await WebServer.StartAsync(
            await Lab.PodAsync("mesh/held"),
            Applications.Port,
            async _ =>
            {
                if (Interlocked.Increment(ref held) == Requests)
                {
                    grownBytes = await ResidentBytesAsync() - before;
                    all.SetResult();
                }

                await all.Task.WaitAsync(TimeSpan.FromSeconds(120), TimeProvider.System);
            },
            HttpProtocols.Http2);

        LabPod client = await Lab.PodAsync("mesh/client-1");
        string said = await client.OutputAsync(
            "h2load", "-n", $"{Requests}", "-c", "100", "-m", "100", $"http://{await Lab.AddressAsync("held")}/");

        Assert.Contains($"status codes: {Requests} 2xx", said, StringComparison.Ordinal);
        Assert.InRange(grownBytes / Requests, double.MinValue, BytesEachMax);
    }

    private static byte[] PeriodOf(int bytes)
    {
        byte[] period = new byte[bytes];
        new Random(bytes).NextBytes(period);
        return period;
    }

    /// <returns>How much was sent, and its hash.</returns>
    private static async Task<string> SendAsync(HttpResponse response)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long sent = 0;
        while (sent < Gibibyte)
        {
            ReadOnlyMemory<byte> part = s_period.AsMemory(0, (int)Math.Min(s_period.Length, Gibibyte - sent));
            hash.AppendData(part.Span);
            await response.Body.WriteAsync(part);
            sent += part.Length;
        }

        return $"{sent} {Convert.ToHexString(hash.GetHashAndReset())}";
    }

    /// <returns>How much came, and its hash.</returns>
    private static async Task<string> ReceiveAsync(HttpRequest request)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[256 * 1024];
        long received = 0;
        while (await request.Body.ReadAsync(buffer) is int bytes and > 0)
        {
            hash.AppendData(buffer.AsSpan(0, bytes));
            received += bytes;
        }

        return $"{received} {Convert.ToHexString(hash.GetHashAndReset())}";
    }

    /// <summary>Memory that the proxies of both nodes have.</summary>
    private async Task<double> ResidentBytesAsync()
    {
        double total = 0;
        foreach (string name in (string[])["node-1", "node-2"])
        {
            total += (await (await Lab.NodeAsync(name)).MetricsAsync()).Sum("process_resident_memory_bytes");
        }

        return total;
    }
}
