using System.Buffers;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Protocols.Http2.Messages;

namespace Mesh.Fuzz.Targets;

/// <summary>
/// Responses on a connection, to requests of one kind, which the plan says. What was read is written and read again, and written as HTTP/2, whose
/// rules it must pass.
/// </summary>
internal sealed class Http1ResponseTarget() : Http1Target("http1-response")
{
    private static readonly string[] s_kinds = ["GET", "HEAD", "CONNECT", "UPGRADE"];

    private static readonly string[] s_starts =
    [
        "HTTP/1.1 200 OK\r\n", "HTTP/1.1 204 No Content\r\n", "HTTP/1.1 304\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", "HTTP/1.1 426 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n",
        "HTTP/1.1 103 x\r\nLink: y\r\n\r\n", "HTTP/1.1 2000 x\r\n", "HTTP/2.0 200 OK\r\n", "HTTP/1.1 200  \t\u00e9\r\n", "\r\nHTTP/1.1 200 OK\r\n", "HTTP/1.1 999 \r\n",
    ];

    private static readonly string[] s_fields =
    [
        "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
        "Connection: close\r\n", "Connection: keep-alive\r\n", "X: 1\r\n", "Set-Cookie: a\r\n", "TE: x\r\n", "Host: y\r\n", "Expect: z\r\n", " folded\r\n", "X: a\0\r\n",
    ];

    private static readonly string[] s_contents = ["", "hello", "5\r\nhello\r\n0\r\n\r\n", "1\r\nx\r\n0\r\nX: 1\r\n\r\n", "rest"];

    public override byte[] Generate(Random random) => Http1Input.Build(random, s_starts, s_fields, s_contents);

    protected override List<string> Ask(SlowHttp1 oracle, byte plan) => oracle.ReadResponses(s_kinds[plan % s_kinds.Length]);

    protected override List<string> Read(byte[] bytes, byte plan, Action<byte[], Http1Input.Step> deliver)
    {
        List<string> lines = [];
        string kind = s_kinds[plan % s_kinds.Length];
        var request = new RequestHead { Protocol = HttpProtocol.Http11, IsPersistent = true };
        request.Method = kind switch
        {
            "HEAD" => "HEAD"u8,
            "CONNECT" => "CONNECT"u8,
            _ => "GET"u8,
        };
        request.Upgrade = kind == "UPGRADE" ? "websocket"u8 : default;
        var reader = new Http1ResponseReader(Options);
        var content = new Content(lines);
        var head = new ResponseHead();
        bool isOpen = true;
        reader.Begin(request);
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

                    reader.Begin(request);
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
                    CheckRoundTrip(head, request);
                    content.Begin(head.Body);
                    isOpen = content.IsOpen || head.IsPersistent;
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

    private static string Of(ResponseHead head) =>
        Join($"{head.Status} {head.Protocol} {Of(head.Body)} {head.IsPersistent} {Text(head.Upgrade)}", head.Fields);

    private static void CheckRoundTrip(ResponseHead head, RequestHead request)
    {
        var output = new ArrayBufferWriter<byte>();
        if (!Http1Writer.TryWriteResponse(head, request, head.IsPersistent, output))
        {
            throw new FuzzFailure("What was read cannot be written.");
        }

        var block = new HeaderList();
        Http2ResponseHeads.Write(head, block);
        HeaderVerdict verdict = HeaderBlockRules.CheckResponse(block, out _);
        if (verdict != HeaderVerdict.Ok)
        {
            throw new FuzzFailure($"What was read is no response of HTTP/2: {verdict}.");
        }

        var again = new ResponseHead();
        var reader = new Http1ResponseReader(new Http1Options());
        reader.Begin(request);
        var input = new ReadOnlySequence<byte>(output.WrittenMemory);
        if (reader.Read(ref input, again) != Http1ReadStatus.Complete || !input.IsEmpty)
        {
            throw new FuzzFailure($"What was written is refused: {reader.Refusal}.");
        }

        FuzzFailure.ThrowUnlessEqual((head.Status, Text(head.Upgrade)).ToString(), (again.Status, Text(again.Upgrade)).ToString(), "Written and read again");
        FuzzFailure.ThrowUnlessEqual(Of(head.Body.For(HttpProtocol.Http11)), Of(again.Body), "Written and read again");
    }
}
