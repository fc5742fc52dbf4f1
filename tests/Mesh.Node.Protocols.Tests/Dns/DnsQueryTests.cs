using System.Text;
using Mesh.Node.Protocols.Dns;
using static Mesh.Node.Protocols.Tests.Dns.DnsMessages;

namespace Mesh.Node.Protocols.Tests.Dns;

/// <summary>Goal: requests are read strictly. Method: tables of whole, cut and hostile messages.</summary>
public sealed class DnsQueryTests
{
    [Fact]
    public void A_query_says_what_it_asks_for()
    {
        byte[] message = Query("StOcK.shop.svc.cluster.local", DnsTypes.Aaaa, payloadBytes: 4096, wantsSignatures: true);
        Assert.Equal(DnsQueryStatus.Question, DnsQuery.Read(message, out DnsQuery query));
        Assert.Equal(DnsTypes.Aaaa, query.Type);
        Assert.Equal(DnsTypes.Internet, query.Class);
        Assert.Equal(0, query.Opcode);
        Assert.True(query is { IsWhole: true, HasEdns: true, WantsSignatures: true, EdnsVersion: 0, PayloadBytes: 4096 });
        Assert.Equal(Name("StOcK.shop.svc.cluster.local"), query.NameIn(message).ToArray());
        byte[] text = new byte[DnsName.BytesMax];
        Assert.True(DnsName.TryWriteHost(query.NameIn(message), text, out int bytes));
        Assert.Equal("stock.shop.svc.cluster.local", Encoding.ASCII.GetString(text, 0, bytes));
    }

    [Theory]
    [InlineData(100, 512)]
    [InlineData(512, 512)]
    [InlineData(1400, 1400)]
    public void A_payload_below_512_bytes_counts_as_512(ushort said, int taken)
    {
        DnsQuery.Read(Query("a.b", DnsTypes.A, payloadBytes: said), out DnsQuery query);
        Assert.Equal(taken, query.PayloadBytes);
    }

    [Fact]
    public void A_message_cut_at_any_byte_is_never_taken_for_whole()
    {
        byte[] message =
        [
            .. Header(7, 0x0100, 1, 0, 0, 2), .. Name("stock.shop"), .. Word(1), .. Word(1),
            .. Name("x.y"), .. Word(1), .. Word(1), 0, 0, 0, 9, 0, 4, 1, 2, 3, 4, .. Opt(1232, 0, false, 1, 2, 3),
        ];
        int questionEnd = 12 + Name("stock.shop").Length + 4;
        for (int bytes = 0; bytes < message.Length; bytes++)
        {
            DnsQueryStatus expected = bytes < 12 ? DnsQueryStatus.NoRequest : bytes < questionEnd ? DnsQueryStatus.Malformed : DnsQueryStatus.Question;
            Assert.Equal(expected, DnsQuery.Read(message.AsSpan(0, bytes), out DnsQuery query));
            Assert.False(query.IsWhole);
            Assert.False(query.HasEdns);
        }

        Assert.Equal(DnsQueryStatus.Question, DnsQuery.Read(message, out DnsQuery whole));
        Assert.True(whole is { IsWhole: true, HasEdns: true });
        DnsQuery.Read([.. message, 0], out DnsQuery surplus);
        Assert.False(surplus.IsWhole);
    }

    public static TheoryData<string, byte[]> Malformed => new()
    {
        { "no question", Header(1, 0x0100, 0, 0, 0, 0) },
        { "two questions", [.. Header(1, 0x0100, 2, 0, 0, 0), .. Name("a"), 0, 1, 0, 1, .. Name("b"), 0, 1, 0, 1] },
        { "a pointer in the question", [.. Header(1, 0x0100, 1, 0, 0, 0), 1, (byte)'a', 0xC0, 12, 0, 1, 0, 1] },
        { "a label of 64 bytes", [.. Header(1, 0x0100, 1, 0, 0, 0), 64, .. new byte[64], 0, 0, 1, 0, 1] },
        { "a name of 256 bytes", [.. Header(1, 0x0100, 1, 0, 0, 0), .. Enumerable.Repeat(Label(63), 3).SelectMany(b => b), .. Label(62), 0, 0, 1, 0, 1] },
        { "a name without an end", [.. Header(1, 0x0100, 1, 0, 0, 0), 3, (byte)'a', (byte)'b'] },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_question_that_cannot_be_read_is_malformed(string why, byte[] message)
    {
        Assert.NotEmpty(why);
        Assert.Equal(DnsQueryStatus.Malformed, DnsQuery.Read(message, out DnsQuery query));
        Assert.Equal(0, query.NameBytes);
        Assert.Equal(DnsQuery.HeaderBytes, query.QuestionEnd);
    }

    [Fact]
    public void The_longest_name_is_well()
    {
        byte[] name = [.. Enumerable.Repeat(Label(63), 3).SelectMany(b => b), .. Label(61), 0];
        Assert.Equal(DnsName.BytesMax, name.Length);
        Assert.Equal(DnsQueryStatus.Question, DnsQuery.Read([.. Header(1, 0x0100, 1, 0, 0, 0), .. name, 0, 1, 0, 1], out DnsQuery query));
        Assert.Equal(DnsName.BytesMax, query.NameBytes);
    }

    public static TheoryData<string, byte[]> Unread => new()
    {
        { "two EDNS records", [.. Opt(512, 0, false), .. Opt(512, 0, false)] },
        { "an EDNS record of a name", [.. Name("a"), .. Opt(512, 0, false)[1..], .. Record()] },
        { "a pointer to itself", [0xC0, 30, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, .. Record()] },
        { "a pointer that leads forward", [0xC0, 200, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, .. Record()] },
        { "a label of a kind nobody uses", [0x41, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, .. Record()] },
    };

    [Theory]
    [MemberData(nameof(Unread))]
    public void What_follows_a_question_and_cannot_be_read_leaves_the_question(string why, byte[] records)
    {
        Assert.NotEmpty(why);
        byte[] message = [.. Header(1, 0x0100, 1, 0, 0, 2), .. Name("abcdefghijkl"), 0, 1, 0, 1, .. records];
        Assert.Equal(DnsQueryStatus.Question, DnsQuery.Read(message, out DnsQuery query));
        Assert.False(query.IsWhole);
        Assert.False(query.HasEdns);
    }

    [Fact]
    public void Names_of_records_may_point_back()
    {
        byte[] message = [.. Header(1, 0x0100, 1, 0, 0, 2), .. Name("a.b"), 0, 1, 0, 1, 1, (byte)'x', 0xC0, 12, .. Record()[1..], .. Opt(900, 0, false)];
        DnsQuery.Read(message, out DnsQuery query);
        Assert.True(query is { IsWhole: true, PayloadBytes: 900 });
    }

    [Fact]
    public void Loops_of_pointers_end()
    {
        // Two pointers that lead to each other: the first leads forward.
        int offset = 12;
        Assert.False(DnsName.TrySkip([.. new byte[12], 0xC0, 14, 0xC0, 12], ref offset));
        offset = 14;
        Assert.False(DnsName.TrySkip([.. new byte[12], 0xC0, 14, 0xC0, 12], ref offset));
        Assert.Equal(14, offset);
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("\u00fcber")]
    [InlineData("*")]
    public void What_is_no_host_name_is_none(string label) =>
        Assert.False(DnsName.TryWriteHost(Name(label), new byte[DnsName.BytesMax], out _));

    [Fact]
    public void An_answer_is_no_request() =>
        Assert.Equal(DnsQueryStatus.NoRequest, DnsQuery.Read([.. Header(1, 0x8180, 1, 0, 0, 0), .. Name("a"), 0, 1, 0, 1], out _));

    private static byte[] Label(int bytes) => [(byte)bytes, .. Enumerable.Repeat((byte)'l', bytes)];

    private static byte[] Record() => [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
}
