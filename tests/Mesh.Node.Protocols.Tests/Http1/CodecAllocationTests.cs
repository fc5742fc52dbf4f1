using System.Buffers;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Testing;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>
/// Goal: a request and its response cost no allocation once a connection is warm, in either version or between them. Method: the thread's own
/// allocation counter around thousands of rounds, input in one piece and in small ones.
/// </summary>
public sealed class CodecAllocationTests
{
    private const int Rounds = 2_000;

    private static readonly byte[] s_request =
        "POST /a HTTP/1.1\r\nHost: shop\r\nCookie: a=b\r\nConnection: x-hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n"u8.ToArray();

    private static readonly byte[] s_response = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello"u8.ToArray();
    private static readonly string[] s_upgrades = ["websocket"];

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(5)]
    public void A_request_and_its_response_cost_nothing(int segmentBytes)
    {
        var options = new Http1Options();
        var requests = new Http1RequestReader(options);
        var responses = new Http1ResponseReader(options);
        var body = new Http1BodyReader(options);
        var request = new RequestHead();
        var kept = new RequestHead();
        var response = new ResponseHead();
        var block = new HeaderList();
        var output = new ArrayBufferWriter<byte>(4_096);
        ReadOnlySequence<byte> requestInput = SegmentedInput.Of(s_request, segmentBytes);
        ReadOnlySequence<byte> responseInput = SegmentedInput.Of(s_response, segmentBytes);
        long contentBytes = 0;

        long allocatedBytes = SteadyState.AllocatedBytes(() =>
        {
            for (int round = 0; round < Rounds; round++)
            {
                ReadOnlySequence<byte> input = requestInput;
                requests.Read(ref input, request);
                contentBytes += ReadBody(body, request.Body, input);
                kept.CopyFrom(request);
                Http1Writer.TryWriteRequest(request, isPersistent: true, output);
                Http1Writer.TryWriteLastChunk(body.Trailers, output);
                Http2RequestHeads.Write(request, block);
                Http2RequestHeads.TryRead(block, endStream: false, s_upgrades, request);

                input = responseInput;
                responses.Begin(kept);
                responses.Read(ref input, response);
                contentBytes += ReadBody(body, response.Body, input);
                Http1Writer.TryWriteResponse(response, kept, isPersistent: true, output);
                Http2ResponseHeads.Write(response, block);
                Http2ResponseHeads.Read(block, endStream: false, kept, response);
                output.ResetWrittenCount();
            }
        });

        Assert.Equal(0, allocatedBytes);
        Assert.Equal(0, contentBytes % (10 * Rounds));
        Assert.True(contentBytes > 0);
    }

    private static long ReadBody(Http1BodyReader body, BodyFraming framing, ReadOnlySequence<byte> input)
    {
        body.Begin(framing);
        while (body.Read(ref input, out _) == Http1ReadStatus.Content)
        {
        }

        return body.ContentBytes;
    }
}
