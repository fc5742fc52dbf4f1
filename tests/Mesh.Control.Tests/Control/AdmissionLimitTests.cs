using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Mesh.Control.Hosting;
using Mesh.Control.Tests.Support;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>Whoever reaches the port that validates can ask only so much of it.</summary>
public sealed class AdmissionLimitTests
{
    [Theory]
    [InlineData((3 * 1_024 * 1_024) + 1, "HTTP/1.1 413 ")]
    [InlineData(2, "HTTP/1.1 400 ")]
    public async Task A_body_over_the_limit_is_refused_before_it_is_sent(int bodyBytes, string expected)
    {
        await using var control = new TestControlPlane { HasWebhook = true, AllowsEmpty = true };
        await control.StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(control.WebhookEndPoint, TestContext.Current.CancellationToken);
        await using var stream = new SslStream(client.GetStream());
        await stream.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = control.TrustPolicy(),
                TargetHost = "mesh-control",
                ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(SslApplicationProtocol.Http11, stream.NegotiatedApplicationProtocol);

        // No more of the body than the shorter one has: what is refused is what the headers say.
        string request = $"POST /validate HTTP/1.1\r\nHost: mesh-control\r\nContent-Length: {bodyBytes}\r\n\r\n[]";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), TestContext.Current.CancellationToken);
        byte[] answer = new byte[expected.Length];
        await stream.ReadExactlyAsync(answer, TestContext.Current.CancellationToken);

        Assert.Equal(expected, Encoding.ASCII.GetString(answer));
    }

    [Theory]
    [InlineData("""{"kind": "AdmissionReview", "kind": "AdmissionReview"}""")]
    [InlineData("""{"request": {"uid": "a", "uid": "b"}}""")]
    [InlineData("{")]
    public async Task What_is_no_review_is_refused_and_fails_nothing(string text)
    {
        var body = new MemoryStream(Encoding.UTF8.GetBytes(text));
        Assert.Equal(StatusCodes.Status400BadRequest, await AnswerAsync(new AdmissionRequests((_, said) => said), body));
    }

    [Fact]
    public async Task A_review_beyond_those_at_once_is_refused_until_one_of_them_ends()
    {
        var requests = new AdmissionRequests((_, said) => said);
        var bodies = new List<Pipe>();
        var answers = new List<Task<int>>();
        for (int i = 0; i < 4; i++)
        {
            bodies.Add(new Pipe());
            answers.Add(AnswerAsync(requests, bodies[i].Reader.AsStream()));
        }

        Assert.Equal(StatusCodes.Status503ServiceUnavailable, await AnswerAsync(requests, Stream.Null));
        Assert.Equal(StatusCodes.Status503ServiceUnavailable, await AnswerAsync(requests, Stream.Null));
        Assert.All(answers, answer => Assert.False(answer.IsCompleted));

        // One that is cut off by the server, as one that is too slow is, gives its place back too.
        await bodies[0].Writer.CompleteAsync(new BadHttpRequestException("Too slow.", StatusCodes.Status408RequestTimeout));
        Assert.Equal(StatusCodes.Status408RequestTimeout, await answers[0]);
        Assert.Equal(StatusCodes.Status400BadRequest, await AnswerAsync(requests, Stream.Null));

        foreach (Pipe body in bodies[1..])
        {
            await body.Writer.WriteAsync(
                """{"apiVersion": "admission.k8s.io/v1", "request": {"uid": "a"}}"""u8.ToArray(), TestContext.Current.CancellationToken);
            await body.Writer.CompleteAsync();
        }

        Assert.All(await Task.WhenAll(answers[1..]), status => Assert.Equal(StatusCodes.Status200OK, status));
    }

    private static async Task<int> AnswerAsync(AdmissionRequests requests, Stream body)
    {
        var context = new DefaultHttpContext();
        context.Request.Body = body;
        await requests.AnswerAsync(context);
        return context.Response.StatusCode;
    }
}
