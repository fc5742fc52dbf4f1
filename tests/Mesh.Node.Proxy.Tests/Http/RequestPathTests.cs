using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: requests of a captured client reach the application and its answers come back, whatever way they take. Method: a client and a
/// server of .NET in two pods, with the real rules between them.
/// </summary>
public sealed class RequestPathTests
{
    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Requests_and_answers_of_every_shape_pass(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, EchoAsync);
        HttpService service = lab.AddService("server", (pod, []));
        HttpClient http = lab.Http(service);

        Assert.Equal("", await http.GetStringAsync("/empty"));
        byte[] large = new byte[3_000_000];
        Random.Shared.NextBytes(large);
        using (HttpResponseMessage echoed = await http.PostAsync("/echo", new ByteArrayContent(large)))
        {
            Assert.Equal(large, await echoed.Content.ReadAsByteArrayAsync());
        }

        using (var chunked = new HttpRequestMessage(HttpMethod.Put, "/echo?x=1") { Content = new StreamContent(new MemoryStream(large)) })
        {
            chunked.Headers.TransferEncodingChunked = true;
            using HttpResponseMessage echoed = await http.SendAsync(chunked);
            Assert.Equal(large, await echoed.Content.ReadAsByteArrayAsync());
        }

        using (var head = new HttpRequestMessage(HttpMethod.Head, "/length"))
        {
            using HttpResponseMessage answered = await http.SendAsync(head);
            Assert.Equal(5, answered.Content.Headers.ContentLength);
        }

        foreach (int status in (int[])[204, 304, 404, 500])
        {
            using HttpResponseMessage answered = await http.GetAsync($"/status/{status}");
            Assert.Equal(status, (int)answered.StatusCode);
        }

        using (var expecting = new HttpRequestMessage(HttpMethod.Post, "/echo") { Content = new ByteArrayContent(large) })
        {
            expecting.Headers.ExpectContinue = true;
            using HttpResponseMessage echoed = await http.SendAsync(expecting);
            Assert.Equal(large.Length, (await echoed.Content.ReadAsByteArrayAsync()).Length);
        }

        Assert.Contains("PUT /echo?x=1 server", app.Requests);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task An_answer_that_begins_before_its_request_has_ended_arrives_whole(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, EchoAsync);
        HttpService service = lab.AddService("server", (pod, []));
        HttpClient http = lab.Http(service);
        byte[] large = new byte[2_000_000];
        Random.Shared.NextBytes(large);
        for (int i = 0; i < 20; i++)
        {
            using HttpResponseMessage echoed = await http.PostAsync("/echo", new ByteArrayContent(large));
            Assert.Equal(large, await echoed.Content.ReadAsByteArrayAsync());
        }
    }

    private static async Task EchoAsync(HttpContext context)
    {
        string path = context.Request.Path.Value!;
        if (path.StartsWith("/status/", StringComparison.Ordinal))
        {
            context.Response.StatusCode = int.Parse(path.AsSpan(8), System.Globalization.CultureInfo.InvariantCulture);
        }
        else if (path == "/length")
        {
            context.Response.ContentLength = 5;
            if (context.Request.Method != "HEAD")
            {
                await context.Response.WriteAsync("hello");
            }
        }
        else
        {
            await context.Request.Body.CopyToAsync(context.Response.Body);
        }
    }
}
