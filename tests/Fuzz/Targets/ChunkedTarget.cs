using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Http;

namespace Mesh.Fuzz.Targets;

/// <summary>Chunks and trailers of one message.</summary>
internal sealed class ChunkedTarget() : Http1Target("chunked")
{
    private static readonly string[] s_chunks =
    [
        "5\r\nhello\r\n", "0\r\n", "1;a\r\nx\r\n", "2;a=b\r\nxy\r\n", "2;a=\"b;\\\"\"\r\nxy\r\n", "A\r\n0123456789\r\n", "00003\r\nabc\r\n", "3 \r\nabc\r\n",
        "7fffffffffffffff\r\n", "8000000000000000\r\n", "1\nx\r\n", "1\r\nx\n", "1;aaaaaaaaaaaaaaaaaaaa\r\nx\r\n", ";a\r\n", "1;;\r\n", "1;a=\r\n", "2\r\n\r\n\r\n",
    ];

    private static readonly string[] s_trailers =
    [
        "", "X: 1\r\n", "grpc-status: 0\r\n", "Content-Length: 1\r\n", "Host: a\r\n", "Cookie: a\r\n", " x\r\n", "X : 1\r\n", "x-forwarded-for: a\r\n", "X: \n",
    ];

    public override byte[] Generate(Random random) => Http1Input.Build(random, s_chunks, s_chunks, ["0\r\n" + s_trailers[random.Next(s_trailers.Length)] + "\r\n", ""]);

    protected override List<string> Ask(SlowHttp1 oracle, byte plan) => oracle.ReadChunked();

    protected override List<string> Read(byte[] bytes, byte plan, Action<byte[], Http1Input.Step> deliver)
    {
        List<string> lines = [];
        var content = new Content(lines);
        content.Begin(BodyFraming.Chunked);
        deliver(bytes, (ref input) => content.Read(ref input) && content.IsOpen);
        content.End();
        return lines;
    }
}
