using System.Net;
using System.Net.Http.Headers;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Node.Proxy.Tests.Telemetry.Metrics;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Grpc;

/// <summary>
/// Goal: a request of gRPC is limited by the deadline it names, and answered in gRPC's own form where the proxy answers. Method: requests
/// whose content is gRPC's, and an application that takes its time.
/// </summary>
public sealed class GrpcRequestTests
{
    [LabFact]
    public async Task A_deadline_is_the_limit_of_its_request_and_told_in_trailers_alone()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            if (context.Request.Path == "/slow")
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            }

            await context.Response.WriteAsync(context.Request.Headers["grpc-timeout"]!);
        });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, ConnectionLimits.Default);
        using HttpClient http = lab.Http(service);
        using HttpResponseMessage late = await http.SendAsync(Message("/slow", "100m", [0, 0, 0, 0, 1, 7]));
        Assert.Equal(200, (int)late.StatusCode);
        Assert.Equal("application/grpc", late.Content.Headers.ContentType!.MediaType);
        Assert.Equal("4", Assert.Single(late.Headers.GetValues("grpc-status")));
        Assert.Empty(await late.Content.ReadAsByteArrayAsync());
        await lab.Node.WaitForLineAsync("/slow", "200", "UT", "response_timeout");

        // One that is in time is answered, and the application learns of the deadline too.
        using HttpResponseMessage inTime = await http.SendAsync(Message("/fast", "20S", [0, 0, 0, 0, 1, 7]));
        Assert.Equal("20S", await inTime.Content.ReadAsStringAsync());
    }

    [LabFact]
    public async Task Messages_are_counted_both_ways_and_those_that_are_sent_once_more_once()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        int asked = 0;
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            context.Response.ContentType = "application/grpc";
            if (Interlocked.Increment(ref asked) == 1)
            {
                // UNAVAILABLE, in an answer that has no content: it may be asked once more.
                context.Response.Headers["grpc-status"] = "14";
                context.Response.ContentLength = 0;
                return;
            }

            byte[] messages = [0, 0, 0, 0, 2, 7, 7, 0, 0, 0, 0, 0];
            await context.Response.Body.WriteAsync(messages, context.RequestAborted);
        });
        HttpService service = lab.AddService("server", (pod, []));
        using HttpClient http = lab.Http(service);
        byte[] question = [0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9];
        using HttpResponseMessage answered = await http.SendAsync(Message("/twice", "20S", question));
        Assert.Equal(12, (await answered.Content.ReadAsByteArrayAsync()).Length);
        Assert.Equal(2, Volatile.Read(ref asked));
        await lab.Node.WaitForLineAsync("/twice", "200");
        List<Exposition.Line> lines = await Exposition.LinesAsync(lab.Node.Metrics);
        Assert.Equal(3, lines.Value("istio_request_messages_total", ("reporter", "source"), ("request_protocol", "grpc")));
        Assert.Equal(2, lines.Value("istio_response_messages_total", ("reporter", "source"), ("request_protocol", "grpc")));
    }

    [LabFact]
    public async Task A_backend_that_does_not_exist_is_unavailable_to_clients_of_grpc()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        HttpService service = lab.AddService("server", PortProtocol.Grpc, (pod, []));
        var nowhere = new WeightedDestination("", 0, "", 1);
        lab.Route(service, new Route("shop/nowhere", [], new ForwardAction(new WeightedDestinations([nowhere], keepsUnusable: true))));
        using HttpClient http = lab.Http2(service);
        using HttpRequestMessage message = Message("/shop.Cart/Get", "20S", [0, 0, 0, 0, 1, 7]);
        message.Version = HttpVersion.Version20;
        using HttpResponseMessage answered = await http.SendAsync(message);
        Assert.Equal(200, (int)answered.StatusCode);
        Assert.Equal("14", Assert.Single(answered.Headers.GetValues("grpc-status")));
        await lab.Node.WaitForLineAsync("/shop.Cart/Get", "NC", "cluster_not_found");
    }

    private static HttpRequestMessage Message(string path, string timeout, params byte[] messages)
    {
        var content = new ByteArrayContent(messages);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/grpc");
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Headers.Add("grpc-timeout", timeout);
        return request;
    }
}
