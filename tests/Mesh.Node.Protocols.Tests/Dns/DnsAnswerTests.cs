using Mesh.Node.Protocols.Dns;
using static Mesh.Node.Protocols.Tests.Dns.DnsMessages;

namespace Mesh.Node.Protocols.Tests.Dns;

/// <summary>Goal: answers are what resolvers take. Method: written answers, byte by byte and read back.</summary>
public sealed class DnsAnswerTests
{
    [Fact]
    public void An_answer_repeats_the_question_as_it_was_written()
    {
        byte[] message = Query("StOcK.Shop", DnsTypes.A, payloadBytes: 1400, wantsSignatures: true);
        byte[] answer = Write(message, DnsCode.None, [10, 0, 0, 7]);
        Assert.Equal(
            [
                .. Header(0x1234, 0x8580, 1, 1, 0, 1), .. Name("StOcK.Shop"), 0, 1, 0, 1,
                0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 0, 0, 7, .. Opt(1232, 0, true),
            ],
            answer);
        DnsQuery.Read(message, out DnsQuery query);
        Assert.True(DnsReply.Answers(answer, 0x1234, message, query));
    }

    [Fact]
    public void An_answer_without_records_says_that_the_name_exists()
    {
        byte[] answer = Write(Query("a.b", DnsTypes.Aaaa), DnsCode.None);
        Assert.Equal([.. Header(0x1234, 0x8580, 1, 0, 0, 0), .. Name("a.b"), 0, 28, 0, 1], answer);
    }

    [Fact]
    public void What_has_no_room_is_left_out_and_said_to_be()
    {
        byte[][] addresses = [.. Enumerable.Range(0, 100).Select(i => (byte[])[10, 0, 0, (byte)i])];
        byte[] message = Query("a.b", DnsTypes.A);
        byte[] answer = Write(message, DnsCode.None, addresses);
        Assert.True(answer.Length is > 490 and <= 512);
        Assert.Equal(0x02, answer[2] & 0x02);
        Assert.Equal((512 - message.Length) / 16, answer[7]);
    }

    [Fact]
    public void A_request_that_cannot_be_read_is_told_so_without_its_question()
    {
        byte[] message = [.. Header(9, 0x0100, 2, 0, 0, 0), 1, 2, 3];
        Assert.Equal(Header(9, 0x8581, 0, 0, 0, 0), Write(message, DnsCode.FormatError));
    }

    [Fact]
    public void A_code_above_15_stands_in_the_EDNS_record()
    {
        byte[] answer = Write(Query("a", DnsTypes.A, payloadBytes: 512), DnsCode.BadVersion);
        Assert.Equal(0, answer[3] & 0xF);
        Assert.Equal(1, answer[^6]);
    }

    public static TheoryData<string, byte[], bool> Replies => new()
    {
        { "the answer", [.. Header(5, 0x8180, 1, 0, 0, 0), .. Name("a.b"), 0, 1, 0, 1], true },
        { "the answer in another case", [.. Header(5, 0x8180, 1, 0, 0, 0), .. Name("A.b"), 0, 1, 0, 1], true },
        { "a refusal without the question", Header(5, 0x8185, 0, 0, 0, 0), true },
        { "success without the question", Header(5, 0x8180, 0, 0, 0, 0), false },
        { "another identifier", [.. Header(6, 0x8180, 1, 0, 0, 0), .. Name("a.b"), 0, 1, 0, 1], false },
        { "a query", [.. Header(5, 0x0180, 1, 0, 0, 0), .. Name("a.b"), 0, 1, 0, 1], false },
        { "another opcode", [.. Header(5, 0xA180, 1, 0, 0, 0), .. Name("a.b"), 0, 1, 0, 1], false },
        { "another name", [.. Header(5, 0x8180, 1, 0, 0, 0), .. Name("a.c"), 0, 1, 0, 1], false },
        { "a longer name", [.. Header(5, 0x8180, 1, 0, 0, 0), .. Name("a.b.c"), 0, 1, 0, 1], false },
        { "another type", [.. Header(5, 0x8180, 1, 0, 0, 0), .. Name("a.b"), 0, 28, 0, 1], false },
        { "another class", [.. Header(5, 0x8180, 1, 0, 0, 0), .. Name("a.b"), 0, 1, 0, 3], false },
        { "two questions", [.. Header(5, 0x8180, 2, 0, 0, 0), .. Name("a.b"), 0, 1, 0, 1], false },
        { "a cut question", [.. Header(5, 0x8180, 1, 0, 0, 0), .. Name("a.b"), 0, 1, 0], false },
        { "a cut header", Header(5, 0x8180, 1, 0, 0, 0)[..11], false },
    };

    [Theory]
    [MemberData(nameof(Replies))]
    public void Only_the_answer_to_what_was_asked_passes(string what, byte[] message, bool passes)
    {
        Assert.NotEmpty(what);
        byte[] question = Query("a.b", DnsTypes.A);
        DnsQuery.Read(question, out DnsQuery query);
        Assert.Equal(passes, DnsReply.Answers(message, 5, question, query));
    }

    private static byte[] Write(byte[] message, DnsCode code, params byte[][] addresses)
    {
        DnsQuery.Read(message, out DnsQuery query);
        byte[] buffer = new byte[DnsAnswerWriter.DatagramBytesMax];
        var writer = new DnsAnswerWriter(message, query, buffer, DnsAnswerWriter.DatagramBytes(query));
        foreach (byte[] address in addresses)
        {
            writer.TryAddAddress(address, 30);
        }

        return buffer[..writer.Finish(code, isAuthoritative: true)];
    }
}
