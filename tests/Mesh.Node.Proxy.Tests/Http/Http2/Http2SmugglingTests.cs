using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;
using static Mesh.Node.Proxy.Tests.Http.Http2.RawHttp2;

namespace Mesh.Node.Proxy.Tests.Http.Http2;

/// <summary>
/// Goal: nothing that HTTP/2 can carry becomes another request, another field or another length where it is written in HTTP/1.1.
/// Method: payloads known from downgrade attacks, sent as literal header blocks through the proxy to a server that speaks HTTP/1.1, with
/// requests that are in order before and after them.
/// </summary>
public sealed class Http2SmugglingTests
{
    private const string Smuggled = "GET /smuggled HTTP/1.1\r\nhost: server\r\n\r\n";

    /// <summary>A head as it should be, but for the field of that name, or with one more where there is none.</summary>
    private static readonly (string Name, string Value)[] s_payloads =
    [
        ("x", $"a\r\n\r\n{Smuggled}"),
        ("x", "a\r\ntransfer-encoding: chunked"),
        ("x", "a\nb: c"),
        ("x", "a\rb: c"),
        ("x", "a\0b"),
        ("x", "a\x7F"),
        ("x", " a"),
        ("x", "a\t"),
        ("cookie", "a=1\r\nx: y"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("connection", "close"),
        ("connection", "content-length"),
        ("keep-alive", "1"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "h2c"),
        ("te", "chunked"),
        ("te", "trailers, chunked"),
        ("content-length", "5, 6"),
        ("content-length", "+5"),
        ("content-length", "-1"),
        ("content-length", "0x5"),
        ("content-length", "99999999999999999999"),
        ("content-length", ""),
        ("X-Upper", "a"),
        ("Transfer-Encoding", "chunked"),
        ("transfer-encoding ", "chunked"),
        ("transfer-encoding: chunked\r\nx", "a"),
        ("a:b", "c"),
        ("a b", "c"),
        ("a\r\nb", "c"),
        ("a\0b", "c"),
        ("", "c"),
        ("h\u00E9", "c"),
        ("host", "other"),
        ("host", "server\r\nx: y"),
        (":path", ""),
        (":path", "smuggled"),
        (":path", "/a b"),
        (":path", "/a\tb"),
        (":path", "/a#b"),
        (":path", "/\0"),
        (":path", "/ HTTP/1.1\r\nhost: server\r\n\r\nGET /smuggled"),
        (":path", "http://other/"),
        (":path", "*"),
        (":method", ""),
        (":method", "GET /smuggled HTTP/1.1\r\nx:"),
        (":method", "G T"),
        (":authority", "server\r\nx: y"),
        (":authority", "a b"),
        (":authority", "user@server"),
        (":scheme", ""),
        (":scheme", "http://other/?"),
        (":scheme", "ht tp"),
        (":status", "200"),
        (":unknown", "a"),
        (":protocol", "websocket"),
    ];

    [LabFact]
    public async Task What_HTTP1_would_read_in_another_way_is_answered_400_and_never_passed_on()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("fine"));
        using RawHttp2 client = await ConnectAsync(lab, lab.AddService("server", (pod, [])));
        int stream = 1;
        foreach ((string Name, string Value) payload in s_payloads)
        {
            await client.SendAsync(Headers(stream, isLast: true, With(payload)));
            Assert.Equal((payload, $"Headers {stream} 400 END"), (payload, await client.WaitAsync($"Headers {stream} ")));
            await client.SendAsync(Request(stream + 2, "GET", $"/fine/{stream}", isLast: true));
            Assert.Equal((payload, $"Headers {stream + 2} 200"), (payload, await client.WaitAsync($"Headers {stream + 2} ")));
            stream += 4;
        }

        // Pseudo-headers that stand twice, or behind a field; and two lengths.
        (string, string)[][] heads =
        [
            [.. With(("x", "y")), (":path", "/smuggled")],
            [(":path", "/"), .. With(("x", "y"))],
            [("x", "y"), .. With(("x", "y"))],
            [.. With(("content-length", "5")), ("content-length", "6")],
        ];
        foreach ((string, string)[] head in heads)
        {
            await client.SendAsync(Headers(stream, isLast: false, head));
            Assert.Equal($"Headers {stream} 400 END", await client.WaitAsync($"Headers {stream} "));
            stream += 2;
        }

        Assert.Equal(s_payloads.Length, app.Requests.Count);
        Assert.All(app.Requests, request => Assert.StartsWith("GET /fine/", request, StringComparison.Ordinal));
    }

    [LabTheory]
    [InlineData("3")]
    [InlineData("40")]
    [InlineData("400")]
    public async Task Content_of_another_length_than_announced_is_cut_off_and_no_request(string announced)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null);
            await context.Response.WriteAsync("fine");
        });
        using RawHttp2 client = await ConnectAsync(lab, lab.AddService("server", (pod, [])));
        for (int stream = 1; stream < 40; stream += 4)
        {
            await client.SendAsync(
                Request(stream, "POST", "/", isLast: false, ("content-length", announced)), Data(stream, Smuggled + Smuggled, isLast: true));
            Assert.Equal($"Reset {stream} ProtocolError", await client.WaitAsync($"Reset {stream} "));
            await client.SendAsync(Request(stream + 2, "GET", "/fine", isLast: true));
            Assert.Equal($"Headers {stream + 2} 200", await client.WaitAsync($"Headers {stream + 2} "));
        }

        Assert.DoesNotContain(app.Requests, request => request.Contains("smuggled", StringComparison.Ordinal));
    }

    [LabFact]
    public async Task Content_that_looks_like_a_request_stays_content()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod, HttpLab.AppPort, context => context.Request.Body.CopyToAsync(context.Response.Body));
        using RawHttp2 client = await ConnectAsync(lab, lab.AddService("server", (pod, [])));
        string content = $"0\r\n\r\n{Smuggled}";
        await client.SendAsync(Request(1, "POST", "/", isLast: false), Data(1, content, isLast: true));
        Assert.Equal($"Data 1 {content.Length}", (await client.WaitAsync("Data 1 ")).Replace(" END", "", StringComparison.Ordinal));
        await client.SendAsync(Request(3, "GET", "/fine", isLast: true));
        await client.WaitAsync("Headers 3 200");
        Assert.Equal(["POST / server", "GET /fine server"], app.Requests);
    }

    [LabTheory]
    [InlineData("x", "a\r\nb: c")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("X-Upper", "a")]
    [InlineData(":path", "/smuggled")]
    public async Task Trailers_that_are_none_reset_their_request(string name, string value)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null);
            await context.Response.WriteAsync("fine");
        });
        using RawHttp2 client = await ConnectAsync(lab, lab.AddService("server", (pod, [])));
        await client.SendAsync(Request(1, "POST", "/", isLast: false), Data(1, "content"), Headers(1, isLast: true, (name, value)));
        Assert.Equal("Reset 1 ProtocolError", await client.WaitAsync("Reset 1 "));
        Assert.DoesNotContain("Headers 1 200", client.Seen);
        await client.SendAsync(Request(3, "GET", "/fine", isLast: true));
        await client.WaitAsync("Headers 3 200");
    }

    private static (string Name, string Value)[] With((string Name, string Value) payload)
    {
        (string Name, string Value)[] head = [(":method", "GET"), (":scheme", "http"), (":authority", "server"), (":path", "/attack")];
        int at = Array.FindIndex(head, field => field.Name == payload.Name);
        if (at >= 0)
        {
            head[at] = payload;
            return head;
        }

        return payload.Name.StartsWith(':') ? [payload, .. head] : [.. head, payload];
    }
}
