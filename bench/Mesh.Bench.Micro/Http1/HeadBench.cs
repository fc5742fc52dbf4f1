using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;

namespace Mesh.Bench.Micro.Http1;

/// <summary>
/// Cost of the heads of one exchange: a request of ten fields and about 400 bytes, read and written, and its response. Every field is looked at.
/// Budget: 0 B per head.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class HeadBench
{
    private const string Request =
        "GET /api/v1/products/4711?currency=EUR HTTP/1.1\r\n"
        + "Host: shop.example.com\r\n"
        + "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0)\r\n"
        + "Accept: application/json, text/plain, */*\r\n"
        + "Accept-Language: en-US,en;q=0.5\r\n"
        + "Accept-Encoding: gzip, deflate, br\r\n"
        + "Connection: keep-alive\r\n"
        + "X-Request-Id: 4bf92f35-77b3-4da6-a3ce-929d0e0e4736\r\n"
        + "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
        + "Cookie: session=8f14e45fceea167a\r\n"
        + "\r\n";

    private const string Response =
        "HTTP/1.1 200 OK\r\n"
        + "Date: Mon, 30 Nov 2026 01:00:00 GMT\r\n"
        + "Content-Type: application/json; charset=utf-8\r\n"
        + "Content-Length: 1024\r\n"
        + "Cache-Control: no-cache\r\n"
        + "Vary: Accept-Encoding\r\n"
        + "\r\n";

    private readonly Http1RequestReader _requests = new(new Http1Options());
    private readonly Http1ResponseReader _responses = new(new Http1Options());
    private readonly RequestHead _request = new();
    private readonly ResponseHead _response = new();
    private readonly ArrayBufferWriter<byte> _output = new(4_096);
    private ReadOnlySequence<byte> _requestInput;
    private ReadOnlySequence<byte> _responseInput;

    [GlobalSetup]
    public void Setup()
    {
        _requestInput = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(Request));
        _responseInput = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(Response));
        ReadRequest();
        _responses.Begin(_request);
        ReadResponse();
    }

    [Benchmark]
    public Http1ReadStatus ReadRequest()
    {
        ReadOnlySequence<byte> input = _requestInput;
        return _requests.Read(ref input, _request);
    }

    [Benchmark]
    public int WriteRequest()
    {
        _output.ResetWrittenCount();
        Http1Writer.TryWriteRequest(_request, isPersistent: true, _output);
        return _output.WrittenCount;
    }

    [Benchmark]
    public Http1ReadStatus ReadResponse()
    {
        ReadOnlySequence<byte> input = _responseInput;
        return _responses.Read(ref input, _response);
    }

    [Benchmark]
    public int WriteResponse()
    {
        _output.ResetWrittenCount();
        Http1Writer.TryWriteResponse(_response, _request, isPersistent: true, _output);
        return _output.WrittenCount;
    }
}
