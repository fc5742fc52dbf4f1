namespace Mesh.Fuzz.Oracles;

/// <summary>
/// Reads DNS messages the obvious way: names as lists of labels, records as objects, and an exception wherever something is not there.
/// </summary>
internal static class SlowDns
{
    public const string NoRequest = "no-request";
    public const string Malformed = "malformed";

    private const string Root = "\u2022";

    /// <summary>What a server reads in a message, in words.</summary>
    public static string DescribeRequest(byte[] message)
    {
        if (message.Length < 12 || message[2] >= 128)
        {
            return NoRequest;
        }

        string name;
        int offset = 12;
        int type;
        int @class;
        try
        {
            if (Word(message, 4) != 1)
            {
                return Malformed;
            }

            name = Text(ReadName(message, ref offset, mayPoint: false));
            type = Word(message, offset);
            @class = Word(message, offset + 2);
        }
        catch (FormatException)
        {
            return Malformed;
        }

        return $"question {name} {type} {@class} ends {offset + 4} {DescribeRest(message, offset + 4)}";
    }

    /// <summary>An answer: flags, question, records. Throws for what cannot be read.</summary>
    public static (int Flags, string Question, IReadOnlyList<SlowDnsRecord> Answers, IReadOnlyList<SlowDnsRecord> Additional) ReadAnswer(byte[] message)
    {
        int offset = 12;
        string question = "";
        for (int i = 0; i < Word(message, 4); i++)
        {
            question = Text(ReadName(message, ref offset, mayPoint: true)) + $" {Word(message, offset)} {Word(message, offset + 2)}";
            offset += 4;
        }

        List<SlowDnsRecord> answers = ReadRecords(message, ref offset, Word(message, 6));
        _ = ReadRecords(message, ref offset, Word(message, 8));
        List<SlowDnsRecord> additional = ReadRecords(message, ref offset, Word(message, 10));
        return offset == message.Length ? (Word(message, 2), question, answers, additional) : throw new FormatException("Bytes are left.");
    }

    /// <summary>A name in words. What stands between labels is no byte, so that no label can have it.</summary>
    public static string Text(IReadOnlyCollection<string> labels) => labels.Count == 0 ? Root : string.Join('\u2022', labels);

    /// <summary>Lower case, with dots; null for what is no host name.</summary>
    public static string? HostOf(string text)
    {
        string[] labels = text == Root ? [] : text.Split('\u2022');
        return labels.All(label => label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            ? string.Join('.', labels).ToLowerInvariant()
            : null;
    }

    private static string DescribeRest(byte[] message, int offset)
    {
        const string Unread = "rest unread";
        try
        {
            int plain = Word(message, 6) + Word(message, 8);
            List<SlowDnsRecord> records = ReadRecords(message, ref offset, plain + Word(message, 10));
            List<SlowDnsRecord> options = records.FindAll(record => record.Type == 41);
            if (offset != message.Length || options.Count > 1 || records.Take(plain).Any(record => record.Type == 41)
                || options.Exists(option => option.Name != Root || option.IsPointed))
            {
                return Unread;
            }

            return options is [{ } only]
                ? $"edns {Math.Max(512, only.Class)} {only.Ttl >> 16 & 0xFF} {(only.Ttl >> 15 & 1) == 1}"
                : "plain";
        }
        catch (FormatException)
        {
            return Unread;
        }
    }

    private static List<SlowDnsRecord> ReadRecords(byte[] message, ref int offset, int count)
    {
        List<SlowDnsRecord> records = [];
        for (int i = 0; i < count; i++)
        {
            bool isPointed = offset < message.Length && message[offset] >= 64;
            string name = Text(ReadName(message, ref offset, mayPoint: true));
            int bytes = Word(message, offset + 8);
            uint ttl = (uint)((Word(message, offset + 4) << 16) | Word(message, offset + 6));
            if (offset + 10 + bytes > message.Length)
            {
                throw new FormatException("A record is cut.");
            }

            records.Add(new SlowDnsRecord(name, isPointed, Word(message, offset), Word(message, offset + 2), ttl, message[(offset + 10)..(offset + 10 + bytes)]));
            offset += 10 + bytes;
        }

        return records;
    }

    private static List<string> ReadName(byte[] message, ref int offset, bool mayPoint)
    {
        List<string> labels = [];
        int begin = offset;
        while (true)
        {
            int length = Byte(message, offset);
            if (length == 0)
            {
                offset++;
                break;
            }

            if (length >= 192 && mayPoint)
            {
                int target = ((length & 63) << 8) | Byte(message, offset + 1);
                if (target >= begin)
                {
                    throw new FormatException("A pointer leads forward.");
                }

                labels.AddRange(ReadName(message, ref target, mayPoint));
                offset += 2;
                break;
            }

            if (length > 63 || offset + 1 + length > message.Length)
            {
                throw new FormatException("A label is of no kind, or cut.");
            }

            labels.Add(string.Concat(message[(offset + 1)..(offset + 1 + length)].Select(b => (char)b)));
            offset += 1 + length;
        }

        return labels.Sum(label => label.Length + 1) + 1 <= 255 ? labels : throw new FormatException("A name is too long.");
    }

    private static int Word(byte[] message, int offset) => (Byte(message, offset) << 8) | Byte(message, offset + 1);

    private static int Byte(byte[] message, int offset) => offset < message.Length ? message[offset] : throw new FormatException("The end.");
}

/// <summary>One record of a message.</summary>
internal sealed record SlowDnsRecord(string Name, bool IsPointed, int Type, int Class, uint Ttl, byte[] Data);
