using System.Buffers;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Protocols.Http2.Messages;

namespace Mesh.Fuzz.Targets;

/// <summary>
/// Requests on a connection. What was read is written and read again, and written as HTTP/2, whose rules it must pass: nothing that is taken can
/// become something else behind us.
/// </summary>
internal sealed class Http1RequestTarget() : Http1Target("http1-request")
{
    private static readonly string[] s_starts =
    [
        "GET / HTTP/1.1\r\nHost: a\r\n", "POST /a?b HTTP/1.1\r\nHost: a:80\r\n", "GET http://b/c HTTP/1.1\r\nHost: a\r\n", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.0\r\n", "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n", "\r\nPUT / HTTP/1.1\r\nHost: [::1]:8\r\n",
        "GET / HTTP/2.0\r\n", "GET  / HTTP/1.1\r\n", "OPTIONS http://b HTTP/1.1\r\nHost: a\r\n", "GET https://b?c HTTP/1.1\r\nHost: a\r\n",
    ];

    private static readonly string[] s_fields =
    [
        "Content-Length: 5\r\n", "Content-Length: 0\r\n", "content-length: 5, 5\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Connection: close\r\n", "Connection: upgrade, x\r\n", "Upgrade: websocket\r\n", "Upgrade: h2c\r\n", "X: 1\r\n", "X-Y:\t a b \r\n", "TE: trailers\r\n",
        "Expect: 100-continue\r\n", "Host: b\r\n", " folded\r\n", "X : 1\r\n", "X: a\rb\r\n", "X: \n", "Connection: host\r\n", "Keep-Alive: 5\r\n", "Cookie: a\r\n",
        "A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", "Proxy-Connection: x\r\n", "\0: 1\r\n", ": 1\r\n",
    ];

    private static readonly string[] s_contents = ["", "", "hello", "5\r\nhello\r\n0\r\n\r\n", "1;a=\"b\"\r\nx\r\n0\r\nX: 1\r\n\r\n", "\r\n", "hello\r\n"];

    public override byte[] Generate(Random random) => Http1Input.Build(random, s_starts, s_fields, s_contents);

    protected override List<string> Ask(SlowHttp1 oracle, byte plan) => oracle.ReadRequests();

    protected override List<string> Read(byte[] bytes, byte plan, Action<byte[], Http1Input.Step> deliver)
    {
        List<string> lines = [];
        var reader = new Http1RequestReader(Options);
        var content = new Content(lines);
        var head = new RequestHead();
        bool isOpen = true;
        deliver(bytes, (ref input) =>
        {
            while (isOpen)
            {
                if (content.IsOpen)
                {
                    isOpen = content.Read(ref input) && (content.IsOpen || head.IsPersistent);
                    if (content.IsOpen)
                    {
                        return true;
                    }

                    continue;
                }

                Http1ReadStatus status = reader.Read(ref input, head);
                if (status == Http1ReadStatus.NeedMore)
                {
                    return true;
                }

                isOpen = status == Http1ReadStatus.Complete;
                lines.Add(isOpen ? Of(head) : "refused");
                if (isOpen)
                {
                    CheckRoundTrip(head);
                    content.Begin(head.Body);
                    isOpen = content.IsOpen || (head.IsPersistent && head.Body.Kind != BodyKind.Tunnel && head.Upgrade.IsEmpty);
                }
            }

            return false;
        });
        bool isInContent = content.IsOpen;
        content.End();
        if (isOpen && !isInContent)
        {
            lines.Add("more");
        }

        return lines;
    }

    private static string Of(RequestHead head) => Join(
        $"{Text(head.Method)} {Text(head.Scheme)} {Text(head.Authority)} {Text(head.Path)} {head.Protocol} {Of(head.Body)}"
            + $" {head.IsPersistent} {head.ExpectsContinue} {head.AcceptsTrailers} {Text(head.Upgrade)}",
        head.Fields);

    private static void CheckRoundTrip(RequestHead head)
    {
        var output = new ArrayBufferWriter<byte>();
        if (!Http1Writer.TryWriteRequest(head, head.IsPersistent, output))
        {
            throw new FuzzFailure("What was read cannot be written.");
        }

        var block = new HeaderList();
        Http2RequestHeads.Write(head, block);
        HeaderVerdict verdict = HeaderBlockRules.CheckRequest(block, allowConnectProtocol: true, out _);
        if (verdict != HeaderVerdict.Ok)
        {
            throw new FuzzFailure($"What was read is no request of HTTP/2: {verdict}.");
        }

        if (head.Authority.IsEmpty)
        {
            // An HTTP/1.0 request without Host: no later version may be without.
            return;
        }

        var again = new RequestHead();
        var input = new ReadOnlySequence<byte>(output.WrittenMemory);
        Http1ReadStatus status = new Http1RequestReader(new Http1Options { IsHttps = head.Scheme.SequenceEqual("https"u8) }).Read(ref input, again);
        if (status != Http1ReadStatus.Complete || !input.IsEmpty)
        {
            throw new FuzzFailure($"What was written is read as {status}, with {input.Length} bytes behind it.");
        }

        // Written anew it is of version 1.1, and says of no content that there is none.
        again.Protocol = head.Protocol;
        again.Body = again.Body == BodyFraming.OfLength(0) ? head.Body : again.Body;
        FuzzFailure.ThrowUnlessEqual(Of(head), Of(again), "Written and read again");
    }
}
