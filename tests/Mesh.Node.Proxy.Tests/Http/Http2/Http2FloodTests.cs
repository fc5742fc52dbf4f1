using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;
using static Mesh.Node.Proxy.Tests.Http.Http2.RawHttp2;

namespace Mesh.Node.Proxy.Tests.Http.Http2;

/// <summary>
/// Goal: a client of HTTP/2 that costs more than it should loses its connection, by name; nothing of it is passed on from then on, and
/// its neighbours do not notice. Method: frames made by hand, from a captured pod to a server of .NET that speaks HTTP/1, with a client of
/// .NET beside them.
/// </summary>
public sealed class Http2FloodTests
{
    /// <summary>Far more than any defence lets through: a flood that goes on for so long was not stopped.</summary>
    private const int UnitsMax = 50_000;

    /// <summary>What is sent before what follows, and again and again with a further stream each time.</summary>
    private static readonly Dictionary<string, Func<int, byte[][]>> s_floods = new()
    {
        ["PingFlood"] = _ => [Frame(6, 0, 0, new byte[8])],
        ["SettingsFlood"] = _ => [Settings((4, 65_535))],
        ["PriorityFlood"] = stream => [Frame(2, 0, stream, new byte[5])],
        ["WindowUpdateFlood"] = _ => [WindowUpdate(0, 1)],
        ["IgnoredFrameFlood"] = _ => [Frame(0x77, 0, 0)],
        ["EmptyDataFlood"] = stream => stream == 1 ? [Post(stream)] : [Frame(0, 0, 1)],
        ["RapidReset"] = stream => [Post(stream), Reset(stream)],

        // MadeYouReset, in each of its forms: the peer has us reset what it asked for.
        ["ProvokedResets by a window that overflows"] = stream => [Post(stream), WindowUpdate(stream, int.MaxValue)],
        ["ProvokedResets by an increment of nothing"] = stream => [Post(stream), WindowUpdate(stream, 0)],
        ["ProvokedResets by content behind the end"] = stream => [Request(stream, "GET", "/attack", isLast: true), Data(stream, "x")],
        ["ProvokedResets by a priority of another size"] = stream => [Post(stream), Frame(2, 0, stream, new byte[4])],
        ["ProvokedResets by more content than announced"] =
            stream => [Request(stream, "POST", "/attack", isLast: false, ("content-length", "1")), Data(stream, "xy")],
        ["ProvokedResets by trailers that end nothing"] = stream => [Post(stream), Headers(stream, isLast: false, ("x-end", "1"))],
        ["ProvokedResets by requests that are malformed"] = stream => [Request(stream, "GET", "/attack", isLast: true, ("X", "upper"))],

        ["ContinuationFlood"] = stream => stream == 1 ? [Frame(1, 0, 1, Block((":method", "GET")))] : [Frame(9, 0, 1)],
        ["ContinuationFlood of trailers"] = stream => stream == 1 ? [Post(1), Frame(1, 1, 1, Block(("x-end", "1")))] : [Frame(9, 0, 1)],
        ["HeaderBlockTooLarge"] = stream => stream == 1
            ? [Frame(1, 0, 1, Block((":method", "GET")))]
            : [Frame(9, 0, 1, Block(("x", new string('x', 16_000))))],
        ["HeaderListBomb"] = stream => [Bomb(stream)],
    };

    public static TheoryData<string> Floods => [.. s_floods.Keys];

    [LabTheory]
    [MemberData(nameof(Floods))]
    public async Task A_flood_ends_its_connection_by_name_and_no_other(string flood)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("fine"));
        HttpService service = lab.AddService("server", (pod, []));
        HttpClient neighbour = lab.Http2(service);
        Assert.Equal("fine", await neighbour.GetStringAsync("/before"));

        using RawHttp2 attacker = await ConnectAsync(lab, service);
        Task<string> during = neighbour.GetStringAsync("/during");
        int sent = 0;
        for (; !attacker.HasEnded && sent < UnitsMax; sent += 50)
        {
            byte[][] units = [.. Enumerable.Range(sent, 50).SelectMany(unit => s_floods[flood]((2 * unit) + 1))];
            if (!await attacker.SendAsync(units))
            {
                break;
            }
        }

        string reason = flood.Split(' ')[0];
        await lab.Node.WaitForLineAsync("path=Outbound", "close_reason=Http2FloodRefused", reason);
        Assert.Equal($"GoAway {Http2ErrorCode.EnhanceYourCalm} {reason}", await attacker.WaitAsync("GoAway"));
        Assert.Equal("fine", await during);
        int asked = CountAttacks(app);
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal("fine", await neighbour.GetStringAsync("/after"));
        }

        Assert.Equal(asked, CountAttacks(app));
        Assert.True(asked <= sent, $"{asked} requests of {sent}");
    }

    [LabFact]
    public async Task A_head_that_is_too_large_is_answered_431_and_its_connection_goes_on()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("fine"));
        using RawHttp2 client = await ConnectAsync(lab, lab.AddService("server", (pod, [])));
        (string, string)[] many = [.. Enumerable.Repeat(("x", "y"), 1_000)];
        await client.SendAsync(InParts(1, [.. RequestFields("GET"), ("x", new string('y', 70_000))]));
        Assert.Equal("Headers 1 431 END", await client.WaitAsync("Headers 1 "));
        await client.SendAsync(InParts(3, [.. RequestFields("GET"), .. many]));
        Assert.Equal("Headers 3 431 END", await client.WaitAsync("Headers 3 "));
        await client.SendAsync(Request(5, "GET", "/fine", isLast: true));
        Assert.Equal("Headers 5 200", await client.WaitAsync("Headers 5 "));
        Assert.Equal(["GET /fine server"], app.Requests);
    }

    [LabFact]
    public async Task Trailers_that_are_too_large_end_their_request_and_it_is_not_taken_for_whole()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        var begun = new TaskCompletionSource();
        var cut = new TaskCompletionSource();
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            if (HttpMethods.IsPost(context.Request.Method))
            {
                try
                {
                    begun.SetResult();
                    await context.Request.Body.CopyToAsync(Stream.Null);
                }
                catch (Exception broken) when (broken is IOException or OperationCanceledException)
                {
                    cut.SetResult();
                    throw;
                }
            }

            await context.Response.WriteAsync("fine");
        });
        using RawHttp2 client = await ConnectAsync(lab, lab.AddService("server", (pod, [])));
        await client.SendAsync(Post(1), Data(1, "content"));
        await begun.Task.WaitAsync(LabNode.Patience);
        await client.SendAsync(InParts(1, ("x-end", new string('y', 70_000))));
        Assert.Equal("Reset 1 EnhanceYourCalm", await client.WaitAsync("Reset 1 "));
        await cut.Task.WaitAsync(LabNode.Patience);
        await client.SendAsync(Request(3, "GET", "/fine", isLast: true));
        Assert.Equal("Headers 3 200", await client.WaitAsync("Headers 3 "));
    }

    [LabTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_header_block_that_does_not_come_to_its_end_costs_its_connection(bool isOfTrailers)
    {
        await using HttpLab lab = await HttpLab.StartAsync(options: new ProxyOptions { HttpHeadTimeoutMs = 300 });
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("fine"));
        HttpService service = lab.AddService("server", (pod, []));
        using RawHttp2 client = await ConnectAsync(lab, service);
        if (isOfTrailers)
        {
            await client.SendAsync(Post(1), Data(1, "content"));
        }

        await client.SendAsync(Frame(1, 0, 1, Block((isOfTrailers ? "x-end" : ":method", "GET"))));
        Assert.Equal($"GoAway {Http2ErrorCode.EnhanceYourCalm} {Http2ErrorReason.HeaderBlockTimeout}", await client.WaitAsync("GoAway"));
        await client.WaitAsync("End");
        await lab.Node.WaitForLineAsync("path=Outbound", "close_reason=HttpHeadTimeout", nameof(Http2ErrorReason.HeaderBlockTimeout));
        Assert.Equal("fine", await lab.Http2(service).GetStringAsync("/after"));
        Assert.Equal(isOfTrailers, app.Requests.Count > 1);
    }

    [LabFact]
    public async Task Streams_whose_client_takes_nothing_end_when_that_has_lasted_for_the_idle_limit()
    {
        await using HttpLab lab = await HttpLab.StartAsync(options: new ProxyOptions { IdleTimeoutMs = 2_000 });
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("fine"));
        HttpService service = lab.AddService("server", (pod, []));
        using RawHttp2 client = await ConnectAsync(lab, service, (4, 0));
        const int Streams = 100;
        await client.SendAsync([.. Enumerable.Range(0, Streams).Select(i => Request((2 * i) + 1, "GET", "/stalled", isLast: true))]);
        HttpClient neighbour = lab.Http2(service);
        while (client.Seen.Count(line => line.StartsWith("Reset ", StringComparison.Ordinal)) < Streams)
        {
            // The connection is not silent, its streams are.
            Assert.True(await client.SendAsync(Frame(6, 0, 0, new byte[8])), string.Join('\n', client.Seen));
            Assert.Equal("fine", await neighbour.GetStringAsync("/fine"));
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }

        Assert.Equal(Streams, client.Seen.Count(line => line.EndsWith(" Cancel", StringComparison.Ordinal)));
        await lab.Node.WaitForLineAsync("/stalled", " SI ", "stream_idle_timeout");
    }

    [LabFact]
    public async Task Content_that_trickles_is_held_to_the_time_limit_of_its_route_and_stops_nobody()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null);
            await context.Response.WriteAsync("fine");
        });
        HttpService service = lab.AddService("server", (pod, []));
        var all = new WeightedDestinations([new WeightedDestination(service.Service.Key, 80, "", 1)]);
        lab.Route(service, new Route("shop/limited", [], new ForwardAction(all) { Timeout = TimeSpan.FromSeconds(1) }));
        using RawHttp2 client = await ConnectAsync(lab, service);
        const int Streams = 99;
        int[] streams = [.. Enumerable.Range(0, Streams).Select(i => (2 * i) + 1)];
        await client.SendAsync([.. streams.Select(Post)]);
        while (client.Seen.Count(line => line.EndsWith(" 504", StringComparison.Ordinal)) < Streams)
        {
            Assert.True(await client.SendAsync([.. streams.Select(stream => Data(stream, "x"))]), string.Join('\n', client.Seen));
            Assert.Equal("fine", await lab.Http2(service).GetStringAsync("/fine"));
        }

        await client.SendAsync(Request((2 * Streams) + 1, "GET", "/fine", isLast: true));
        await client.WaitAsync($"Headers {(2 * Streams) + 1} 200");
    }

    private static int CountAttacks(HttpApp app) => app.Requests.Count(line => line.Contains("/attack", StringComparison.Ordinal));

    private static byte[] Post(int stream) => Request(stream, "POST", "/attack", isLast: false);

    private static (string Name, string Value)[] RequestFields(string method) =>
        [(":method", method), (":scheme", "http"), (":authority", "server"), (":path", "/attack")];

    /// <summary>HEADERS and CONTINUATION of a block that ends its stream.</summary>
    private static byte[] InParts(int stream, params (string Name, string Value)[] fields)
    {
        byte[][] parts = [.. Block(fields).Chunk(16_384)];
        return
        [
            .. parts.SelectMany((part, i) => Frame(i == 0 ? 1 : 9, (i == 0 ? 1 : 0) | (i == parts.Length - 1 ? 4 : 0), stream, part)),
        ];
    }

    /// <summary>One field of 4 KB that enters the table, and many references of one byte each to it.</summary>
    private static byte[] Bomb(int stream)
    {
        byte[] entry = Block(("x", new string('y', 4_000)));
        entry[0] = 0x40;
        return Frame(1, 5, stream, [.. entry, .. Enumerable.Repeat((byte)0xBE, 200)]);
    }
}
