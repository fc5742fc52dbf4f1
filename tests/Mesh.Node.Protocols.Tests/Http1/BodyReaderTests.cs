using System.Buffers;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Protocols.Tests.Http;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>
/// Goal: content is exactly what RFC 9112 §6 and §7 delimit, and is handed on without a copy. Method: a table of inputs, each cut everywhere.
/// </summary>
public sealed class BodyReaderTests
{
    [Theory]
    [InlineData("0\r\n\r\n", "")]
    [InlineData("5\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world")]
    [InlineData("a\r\n0123456789\r\n0\r\n\r\n", "0123456789")]
    [InlineData("A\r\n0123456789\r\n0\r\n\r\n", "0123456789")]
    [InlineData("00000005\r\nhello\r\n000\r\n\r\n", "hello")]
    [InlineData("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("2\r\n\r\n\r\n0\r\n\r\n", "\r\n")]
    [InlineData("3\r\n\0\u00ff\n\r\n0\r\n\r\n", "\0\u00ff\n")]
    [InlineData("0\r\n\r\nnext", " >> next")]

    // §7.1.1: extensions are read and dropped.
    [InlineData("2;a\r\nok\r\n0;b=c\r\n\r\n", "ok")]
    [InlineData("2;a=b;c=\"d;\r\\\"e\\\\\";f\r\nok\r\n0\r\n\r\n", "BadChunkExtension")]
    [InlineData("2;a=b;c=\"d; \\\"e\\\\\t\u00ff\";f\r\nok\r\n0\r\n\r\n", "ok")]
    [InlineData("2;a=\"\"\r\nok\r\n0\r\n\r\n", "ok")]

    // §7.1.2: trailers.
    [InlineData("0\r\nGrpc-Status: 0\r\nX: \r\n\r\n", " | grpc-status: 0 | x: ")]
    [InlineData("0\r\nX: 1\r\nCookie: a\r\nAuthorization: b\r\nContent-Type: c\r\nX-Forwarded-For: d\r\nTE: e\r\n\r\n", " | x: 1")]

    // The end is exact, and so are sizes.
    [InlineData("", "NeedMore")]
    [InlineData("0\r\n", "NeedMore")]
    [InlineData("0\r\nX: 1\r\n", "NeedMore")]
    [InlineData("5\r\nhel", "NeedMore")]
    [InlineData("\r\n", "BadChunkSize")]
    [InlineData("g\r\n", "BadChunkSize")]
    [InlineData("-1\r\n", "BadChunkSize")]
    [InlineData("+1\r\n", "BadChunkSize")]
    [InlineData(" 1\r\n", "BadChunkSize")]
    [InlineData("1 \r\n", "BadChunkSize")]
    [InlineData("1\t;a\r\n", "BadChunkSize")]
    [InlineData("0x1\r\n", "BadChunkSize")]
    [InlineData("1\n", "BadChunkSize")]
    [InlineData("1\r", "NeedMore")]
    [InlineData("1\r\r\n", "BadChunkSize")]
    [InlineData("1\rX", "BadChunkSize")]
    [InlineData(";a\r\n", "BadChunkSize")]
    [InlineData("\u00b9\r\n", "BadChunkSize")]
    [InlineData("8000000000000000\r\n", "ChunkTooLarge")]
    [InlineData("fffffffffffffffff\r\n", "ChunkTooLarge")]
    [InlineData("00000000000000005\r\n", "ChunkTooLarge")]
    [InlineData("10000000000000000\r\n", "ChunkTooLarge")]
    [InlineData("5\r\nhelloX\r\n", "BadChunkEnd")]
    [InlineData("5\r\nhello\n", "BadChunkEnd")]
    [InlineData("5\r\nhello\r\r", "BadChunkEnd")]
    [InlineData("5\r\nhello0\r\n\r\n", "BadChunkEnd")]
    [InlineData("2;\r\n", "BadChunkExtension")]
    [InlineData("2;;a\r\n", "BadChunkExtension")]
    [InlineData("2; a\r\n", "BadChunkExtension")]
    [InlineData("2;a =b\r\n", "BadChunkExtension")]
    [InlineData("2;a= b\r\n", "BadChunkExtension")]
    [InlineData("2;a=\r\n", "BadChunkExtension")]
    [InlineData("2;=b\r\n", "BadChunkExtension")]
    [InlineData("2;a=\"b\"c\r\n", "BadChunkExtension")]
    [InlineData("2;a=\"b\r\n", "BadChunkExtension")]
    [InlineData("2;a=\"\\\r\n", "BadChunkExtension")]
    [InlineData("2;a\n\r\n", "BadChunkExtension")]
    [InlineData("2;a\nb\r\n", "BadChunkExtension")]
    [InlineData("2;\0\r\n", "BadChunkExtension")]
    [InlineData("2;a\rb", "BadChunkSize")]
    [InlineData("0\r\nX : 1\r\n\r\n", "WhitespaceBeforeColon")]
    [InlineData("0\r\n X: 1\r\n\r\n", "FoldedField")]
    [InlineData("0\r\nX: 1\n\r\n", "BareLineFeed")]
    [InlineData("0\r\n\n", "BareLineFeed")]
    [InlineData("0\r\nX: a\0\r\n\r\n", "BadFieldValue")]
    [InlineData("0\r\nContent-Length: 5\r\n\r\n", "ForbiddenTrailer")]
    [InlineData("0\r\ntransfer-ENCODING: chunked\r\n\r\n", "ForbiddenTrailer")]
    [InlineData("0\r\nHost: b\r\n\r\n", "ForbiddenTrailer")]
    public void Chunks_are_read_to_their_end_or_refused(string input, string expected) =>
        Assert.Equal(expected, ReadEveryWay(input, BodyFraming.Chunked));

    [Theory]
    [InlineData("2;abc\r\nok\r\n0\r\n\r\n", "ok")]
    [InlineData("2;abcd\r\nok\r\n0\r\n\r\n", "ChunkExtensionsTooLarge")]
    [InlineData("1;abc\r\na\r\n1;abc\r\nb\r\n1;a\r\nc\r\n0\r\n\r\n", "abc")]
    [InlineData("1;abc\r\na\r\n1;abc\r\nb\r\n1;ab\r\nc\r\n0\r\n\r\n", "ChunkExtensionsTooLarge")]
    public void Extensions_are_limited_in_each_chunk_and_in_all(string input, string expected) => Assert.Equal(
        expected, ReadEveryWay(input, BodyFraming.Chunked, new Http1Options { ChunkExtensionBytesMax = 4, ChunkExtensionsBytesMax = 10 }));

    [Fact]
    public void Trailers_are_limited_as_heads_are() => Assert.Equal(
        "TooManyFields", ReadEveryWay("0\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", BodyFraming.Chunked, new Http1Options { FieldsMax = 2 }));

    [Theory]
    [InlineData(5, "hello", "hello")]
    [InlineData(5, "hello world", "hello >>  world")]
    [InlineData(0, "hello", " >> hello")]
    [InlineData(5, "hell", "NeedMore")]
    [InlineData(5, "", "NeedMore")]
    public void A_length_is_read_to_the_byte(int contentBytes, string input, string expected) =>
        Assert.Equal(expected, ReadEveryWay(input, BodyFraming.OfLength(contentBytes)));

    [Theory]
    [InlineData(BodyKind.UntilClose, -1, "abc", Http1ReadStatus.Complete)]
    [InlineData(BodyKind.Length, 3, "abc", Http1ReadStatus.Complete)]
    [InlineData(BodyKind.Length, 4, "abc", Http1ReadStatus.Refused)]
    [InlineData(BodyKind.Chunked, -1, "3\r\nabc\r\n0\r\n\r\n", Http1ReadStatus.Complete)]
    [InlineData(BodyKind.Chunked, -1, "3\r\nabc\r\n0\r\n", Http1ReadStatus.Refused)]
    [InlineData(BodyKind.Chunked, -1, "3\r\nabc", Http1ReadStatus.Refused)]
    [InlineData(BodyKind.None, -1, "", Http1ReadStatus.Complete)]
    public void The_end_of_the_input_completes_only_what_it_delimits(BodyKind kind, long contentBytes, string text, Http1ReadStatus expected)
    {
        var reader = new Http1BodyReader(new Http1Options());
        var input = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(text));
        reader.Begin(new BodyFraming(kind, contentBytes));

        while (reader.Read(ref input, out _) == Http1ReadStatus.Content)
        {
        }

        Assert.Equal(expected, reader.End());
        Assert.Equal(expected == Http1ReadStatus.Refused ? Http1Refusal.Truncated : Http1Refusal.None, reader.Refusal);
        Assert.Equal(kind == BodyKind.None ? 0 : 3, reader.ContentBytes);
    }

    [Fact]
    public void Content_is_a_slice_of_the_input()
    {
        byte[] bytes = "5\r\nhello\r\n0\r\n\r\n"u8.ToArray();
        var input = new ReadOnlySequence<byte>(bytes);
        var reader = new Http1BodyReader(new Http1Options());
        reader.Begin(BodyFraming.Chunked);

        Assert.Equal(Http1ReadStatus.Content, reader.Read(ref input, out ReadOnlySequence<byte> content));

        bytes[3] = (byte)'j';
        Assert.Equal("jello", Encoding.ASCII.GetString(content));
        Assert.Equal(Http1ReadStatus.Complete, reader.Read(ref input, out _));
    }

    [Fact]
    public void A_reader_serves_one_message_after_another()
    {
        var reader = new Http1BodyReader(new Http1Options());
        var input = new ReadOnlySequence<byte>("1;x\r\na\r\n0\r\nT: 1\r\n\r\nbc1\r\nd\r\n0\r\n\r\n"u8.ToArray());
        List<string> contents = [];
        foreach (BodyFraming framing in new[] { BodyFraming.Chunked, BodyFraming.OfLength(2), BodyFraming.None, BodyFraming.Chunked })
        {
            reader.Begin(framing);
            string content = "";
            while (reader.Read(ref input, out ReadOnlySequence<byte> next) == Http1ReadStatus.Content)
            {
                content += Encoding.ASCII.GetString(next);
            }

            contents.Add($"{content}/{reader.Trailers.Count}/{reader.ContentBytes}");
        }

        Assert.Equal(["a/1/1", "bc/0/2", "/0/0", "d/0/1"], contents);
        Assert.Equal(0, input.Length);
    }

    [Theory]
    [InlineData(1, "1\r\n")]
    [InlineData(16_384, "4000\r\n")]
    [InlineData(long.MaxValue, "7fffffffffffffff\r\n")]
    public void The_head_of_a_chunk_is_its_size_in_hexadecimal(long chunkBytes, string expected)
    {
        byte[] head = new byte[ChunkWriter.HeadBytesMax];

        Assert.Equal(expected, Encoding.ASCII.GetString(head, 0, ChunkWriter.WriteHead(chunkBytes, head)));
    }

    [Fact]
    public void An_empty_chunk_is_never_written_because_it_would_be_the_last() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ChunkWriter.WriteHead(0, new byte[ChunkWriter.HeadBytesMax]));

    private static string ReadEveryWay(string input, BodyFraming framing, Http1Options? options = null) =>
        SegmentedInput.ReadEveryWay(Encoding.Latin1.GetBytes(input), () =>
        {
            var reader = new Http1BodyReader(options ?? new Http1Options());
            var content = new StringBuilder();
            reader.Begin(framing);
            return (
                (ref rest) =>
                {
                    Http1ReadStatus status;
                    while ((status = reader.Read(ref rest, out ReadOnlySequence<byte> next)) == Http1ReadStatus.Content)
                    {
                        content.Append(Encoding.Latin1.GetString(next));
                    }

                    return status;
                },
                (status, consumed) => status switch
                {
                    Http1ReadStatus.Complete => string.Join(" | ", [content.ToString(), .. HeaderListTests.Text(reader.Trailers)])
                        + (consumed < input.Length ? $" >> {input[consumed..]}" : ""),
                    Http1ReadStatus.Refused => $"{reader.Refusal}",
                    _ => $"{status}",
                });
        });
}
