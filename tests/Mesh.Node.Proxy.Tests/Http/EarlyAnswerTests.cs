using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: a request that is answered before its end costs its connection only where the rest cannot be read. Method: a route that is the
/// answer, and sockets that say part of a request.
/// </summary>
public sealed class EarlyAnswerTests
{
    [LabTheory]
    [InlineData("content-length: 10", "first", "later")]
    [InlineData("transfer-encoding: chunked", "5\r\nfirst\r\n", "5\r\nlater\r\n0\r\nx-trailer: t\r\n\r\n")]
    [InlineData("content-length: 65536", "", null)]
    public async Task What_is_left_of_a_request_is_dropped_and_the_next_is_answered(string framing, string before, string? after)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        using Socket client = await ConnectAsync(lab);
        await SayAsync(client, $"POST /1 HTTP/1.1\r\nhost: s\r\n{framing}\r\n\r\n{before}");
        string first = await ReadAnswerAsync(client);
        Assert.StartsWith("HTTP/1.1 418", first, StringComparison.Ordinal);
        Assert.DoesNotContain("connection: close", first, StringComparison.Ordinal);
        await SayAsync(client, $"{after ?? new string('x', 65_536)}GET /2 HTTP/1.1\r\nhost: s\r\nconnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 418", await HttpLab.ReadToEndAsync(client), StringComparison.Ordinal);
        await lab.Node.WaitForLineAsync("\"GET /2", " 418 ");
    }

    [LabTheory]
    [InlineData("content-length: 65537")]
    [InlineData("content-length: 10\r\nexpect: 100-continue")]
    public async Task A_connection_closes_where_the_rest_is_too_long_or_may_not_come(string fields)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        using Socket client = await ConnectAsync(lab);
        await SayAsync(client, $"POST /1 HTTP/1.1\r\nhost: s\r\n{fields}\r\n\r\n");
        string answer = await HttpLab.ReadToEndAsync(client);
        Assert.StartsWith("HTTP/1.1 418", answer, StringComparison.Ordinal);
        Assert.Contains("connection: close", answer, StringComparison.Ordinal);
        Assert.EndsWith("tea", answer, StringComparison.Ordinal);
    }

    [LabFact]
    public async Task Chunks_without_end_are_dropped_up_to_a_bound()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        using Socket client = await ConnectAsync(lab);
        await SayAsync(client, "POST /1 HTTP/1.1\r\nhost: s\r\ntransfer-encoding: chunked\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 418", await ReadAnswerAsync(client), StringComparison.Ordinal);
        string chunk = string.Create(CultureInfo.InvariantCulture, $"{16_384:x}\r\n{new string('x', 16_384)}\r\n");
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            // Far more than all buffers on the way.
            for (int i = 0; i < 10_000; i++)
            {
                await SayAsync(client, chunk);
            }
        });
    }

    private static async Task<Socket> ConnectAsync(HttpLab lab)
    {
        LabPod pod = await lab.Node.AddPodAsync("server");
        HttpService service = lab.AddService("server", (pod, []));
        lab.Route(service, new Route("shop/fixed", [], new DirectResponseAction(418, [.. "tea"u8])));
        return await lab.ConnectAsync(service);
    }

    private static async Task SayAsync(Socket client, string text)
    {
        using var limit = new CancellationTokenSource(LabNode.Patience);
        await client.SendAsync(Encoding.ASCII.GetBytes(text), limit.Token);
    }

    private static async Task<string> ReadAnswerAsync(Socket client)
    {
        string answer = "";
        while (!answer.EndsWith("tea", StringComparison.Ordinal))
        {
            string read = await LabPod.ReadAsync(client, 1);
            Assert.NotEqual("", read);
            answer += read;
        }

        return answer;
    }
}
