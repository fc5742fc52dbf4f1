using System.Globalization;
using System.Net.Http.Headers;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Tests.Paths;
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
        using HttpResponseMessage late = await http.SendAsync(Message("/slow", "100m"));
        Assert.Equal(200, (int)late.StatusCode);
        Assert.Equal("application/grpc", late.Content.Headers.ContentType!.MediaType);
        Assert.Equal("4", Assert.Single(late.Headers.GetValues("grpc-status")));
        Assert.Empty(await late.Content.ReadAsByteArrayAsync());
        await lab.Node.WaitForLineAsync("/slow", "200", "UT", "response_timeout");

        // One that is in time is answered, and the application learns of the deadline too.
        using HttpResponseMessage inTime = await http.SendAsync(Message("/fast", "20S"));
        Assert.Equal("20S", await inTime.Content.ReadAsStringAsync());
    }

    private static HttpRequestMessage Message(string path, string timeout)
    {
        var content = new ByteArrayContent([0, 0, 0, 0, 1, 7]);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/grpc");
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Headers.Add("grpc-timeout", timeout.ToString(CultureInfo.InvariantCulture));
        return request;
    }
}
