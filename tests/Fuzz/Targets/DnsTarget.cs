using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Dns;

namespace Mesh.Fuzz.Targets;

/// <summary>DNS requests as a server reads them, the answers written to them, and what passes for their answers.</summary>
internal sealed class DnsTarget : IFuzzTarget
{
    private static readonly string[] s_names =
    [
        "", "a", "stock.shop.svc.cluster.local", "WwW.eXaMpLe.CoM", "_http._tcp.x", "a/b", "x y", "\u00e9", new('l', 63), string.Join('.', Enumerable.Repeat(new string('n', 60), 4)),
    ];

    private static readonly byte[] s_address = [10, 1, 2, 3];
    private static readonly byte[] s_longAddress = [0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];

    public string Name => "dns";

    public byte[] Generate(Random random)
    {
        int plain = random.Next(6) == 0 ? random.Next(3) : 0;
        int additional = random.Next(3);
        List<byte> message =
        [
            (byte)random.Next(256), (byte)random.Next(256), (byte)(random.Next(8) == 0 ? random.Next(256) : 1), (byte)random.Next(256),
            0, (byte)(random.Next(9) == 0 ? random.Next(3) : 1), 0, (byte)plain, 0, 0, 0, (byte)additional,
        ];
        message.AddRange(NameBytes(Any(random, s_names)));
        message.AddRange([0, random.Next(2) == 0 ? (byte)1 : (byte)random.Next(256), 0, 1]);
        for (int i = 0; i < plain + additional; i++)
        {
            message.AddRange(random.Next(3) == 0 ? [(byte)(0xC0 | random.Next(2)), (byte)random.Next(64)] : NameBytes(random.Next(3) == 0 ? Any(random, s_names) : ""));
            byte[] data = new byte[random.Next(12)];
            message.AddRange([0, random.Next(2) == 0 ? (byte)41 : (byte)random.Next(80), (byte)random.Next(16), (byte)random.Next(256)]);
            message.AddRange([(byte)random.Next(2), (byte)random.Next(3), (byte)(random.Next(2) * 0x80), 0, 0, (byte)data.Length, .. data]);
        }

        return [.. message];
    }

    public void Run(byte[] input, FeatureSet features)
    {
        string expected = SlowDns.DescribeRequest(input);
        DnsQueryStatus status = DnsQuery.Read(input, out DnsQuery query);
        FuzzFailure.ThrowUnlessEqual(expected, Describe(input, status, query), "Request");
        features.AddOutcome(expected.Split(' ')[0]);
        features.Add(FeatureSet.KindOf(expected.Split(" ends ")[^1]) + int.Log2(input.Length + 1));
        if (status == DnsQueryStatus.NoRequest)
        {
            return;
        }

        CompareHost(input, status, query);
        CheckAnswer(input, query, query.HasEdns ? DnsCode.BadVersion : DnsCode.ServerFailure, 0, DnsAnswerWriter.DatagramBytes(query));
        if (status == DnsQueryStatus.Malformed)
        {
            return;
        }

        CheckAnswer(input, query, DnsCode.None, 100, DnsAnswerWriter.DatagramBytes(query));
        CheckAnswer(input, query, DnsCode.None, 100, ushort.MaxValue);
    }

    private static string Describe(byte[] input, DnsQueryStatus status, in DnsQuery query)
    {
        if (status != DnsQueryStatus.Question)
        {
            return status == DnsQueryStatus.NoRequest ? SlowDns.NoRequest : SlowDns.Malformed;
        }

        ReadOnlySpan<byte> name = query.NameIn(input);
        List<string> labels = [];
        for (int at = 0; name[at] != 0; at += name[at] + 1)
        {
            labels.Add(string.Concat(name.Slice(at + 1, name[at]).ToArray().Select(b => (char)b)));
        }

        string rest = !query.IsWhole ? "rest unread"
            : query.HasEdns ? $"edns {query.PayloadBytes} {query.EdnsVersion} {query.WantsSignatures}"
            : "plain";
        return $"question {SlowDns.Text(labels)} {query.Type} {query.Class} ends {query.QuestionEnd} {rest}";
    }

    private static void CompareHost(byte[] input, DnsQueryStatus status, in DnsQuery query)
    {
        if (status != DnsQueryStatus.Question)
        {
            return;
        }

        string expected = SlowDns.HostOf(SlowDns.DescribeRequest(input)["question ".Length..].Split(" ends ")[0][..^$" {query.Type} {query.Class}".Length]) ?? "none";
        Span<byte> text = stackalloc byte[DnsName.BytesMax];
        string host = DnsName.TryWriteHost(query.NameIn(input), text, out int bytes)
            ? string.Concat(text[..bytes].ToArray().Select(b => (char)b))
            : "none";
        FuzzFailure.ThrowUnlessEqual(expected, host, "Host");
    }

    private static void CheckAnswer(byte[] input, in DnsQuery query, DnsCode code, int addresses, int bytesMax)
    {
        byte[] buffer = new byte[bytesMax];
        var writer = new DnsAnswerWriter(input, query, buffer, bytesMax);
        int added = 0;
        for (int i = 0; i < addresses; i++)
        {
            added += writer.TryAddAddress(i % 2 == 0 ? s_address : s_longAddress, 30) ? 1 : 0;
        }

        byte[] answer = buffer[..writer.Finish(code, isAuthoritative: true)];
        (int flags, string question, IReadOnlyList<SlowDnsRecord> answers, IReadOnlyList<SlowDnsRecord> additional) = SlowDns.ReadAnswer(answer);
        FuzzFailure.ThrowUnlessEqual((flags & 0x8000) != 0, true, "Is an answer");
        FuzzFailure.ThrowUnlessEqual((flags & 0x0200) != 0, added < addresses, "Is cut");
        FuzzFailure.ThrowUnlessEqual(added, answers.Count, "Records");
        FuzzFailure.ThrowUnlessEqual(query.HasEdns ? 1 : 0, additional.Count, "EDNS records");
        FuzzFailure.ThrowUnlessEqual((int)code, (flags & 0xF) + (additional is [{ } only] ? (int)(only.Ttl >> 24) << 4 : 0), "Code");
        if (query.NameBytes == 0)
        {
            return;
        }

        FuzzFailure.ThrowUnlessEqual(answers.All(record => question.StartsWith(record.Name + " ", StringComparison.Ordinal)), true, "Names of records");
        ushort id = (ushort)((answer[0] << 8) | answer[1]);
        FuzzFailure.ThrowUnlessEqual(DnsReply.Answers(answer, id, input, query), true, "Passes for the answer");
        FuzzFailure.ThrowUnlessEqual(DnsReply.Answers(answer, (ushort)(id + 1), input, query), false, "Passes under another identifier");
        answer[query.QuestionEnd - 3] ^= 1;
        FuzzFailure.ThrowUnlessEqual(DnsReply.Answers(answer, id, input, query), false, "Passes with another question");
    }

    private static IEnumerable<byte> NameBytes(string name) =>
        [.. name.Split('.', StringSplitOptions.RemoveEmptyEntries).SelectMany(label => (byte[])[(byte)label.Length, .. label.Select(c => (byte)c)]), 0];

    private static string Any(Random random, string[] texts) => texts[random.Next(texts.Length)];
}
