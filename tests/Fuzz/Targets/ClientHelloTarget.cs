using System.Text;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Sniffing;

namespace Mesh.Fuzz.Targets;

/// <summary>The first bytes of a connection, whole and as far as any one place: what they are, and what a TLS client says in them.</summary>
internal sealed class ClientHelloTarget : IFuzzTarget
{
    private static readonly string[] s_names =
    [
        "a", "stock.shop.svc", "A-b_c.d", "", ".", "a.", "a..b", "a b", "\u00ff", new('x', 63), new('x', 64),
        string.Join('.', new string('y', 62), new string('y', 63), new string('y', 63), new string('y', 62)),
    ];

    private static readonly string[] s_protocols = ["h2", "http/1.1", "istio-http/1.1", "", "x", new('p', 255)];
    private static readonly string[] s_texts =
    [
        "GET", "PRI", "get", " ", "  ", "/", "*", "/a?b=c", "http://a/", "HTTP/1.1", "HTTP/2.0", "HTTP/", "HTT", "\r\n", "\r\n\r\n", "SM\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0", "\u007f", "\u00ff", "SSH-2.0-x", "\u0016\u0003\u0001", "\u0002\u0000", "\u0001", new('M', 32),
    ];

    private static readonly string s_noSuchProtocol = Convert.ToHexString("no such protocol"u8);

    // Made by the first input: code that is instrumented runs only once somebody counts its edges.
    private ClientHelloReader? _reader;

    public string Name => "client-hello";

    public byte[] Generate(Random random)
    {
        if (random.Next(3) == 0)
        {
            string[] pieces = [.. Enumerable.Range(0, random.Next(1, 7)).Select(_ => Any(random, s_texts))];
            return Encoding.Latin1.GetBytes(string.Concat(pieces));
        }

        List<byte> extensions = [];
        for (int count = random.Next(random.Next(20) == 0 ? 70 : 5); count > 0; count--)
        {
            extensions.AddRange(random.Next(3) switch
            {
                0 => ClientHelloInput.Extension(ClientHelloInput.ServerNameType, ClientHelloInput.ServerName(Encoding.Latin1.GetBytes(Any(random, s_names)), (byte)(random.Next(9) / 8))),
                1 => ClientHelloInput.Extension(ClientHelloInput.ProtocolsType, ClientHelloInput.Protocols([.. Enumerable.Range(0, random.Next(4)).Select(_ => Any(random, s_protocols))])),
                _ => ClientHelloInput.Extension(random.Next(100), new byte[random.Next(9)]),
            });
        }

        byte[] body = ClientHelloInput.Body(
            random.Next(9) == 0 ? null : [.. extensions],
            new byte[random.Next(4) * 11],
            new byte[random.Next(1, 5) * random.Next(1, 3)],
            random.Next(9) == 0 ? [1] : [0]);
        byte[] message = ClientHelloInput.Message(body);
        return ClientHelloInput.Records(message, random.Next(3) == 0 ? random.Next(1, message.Length + 1) : message.Length);
    }

    public byte[]? Mutate(byte[] input, Random random)
    {
        // Another cut of the same message into records: lengths that agree are past what bytes changed one by one would find.
        if (input.Length < 6 || input[0] != 22 || random.Next(2) == 0)
        {
            return null;
        }

        return ClientHelloInput.Records(input[5..], random.Next(1, input.Length));
    }

    public void Run(byte[] input, FeatureSet features)
    {
        string sniffed = Sniff(input);
        features.AddOutcome(sniffed);
        string read = Read(input);
        features.AddOutcome(read.Split(' ')[0]);
        features.Add(FeatureSet.KindOf(read));

        // What was decided about the beginning of an input is what is decided about all of it.
        int step = Math.Max(1, input.Length / 64);
        for (int bytes = 0; bytes < input.Length; bytes += step)
        {
            string before = Sniff(input[..bytes]);
            if (before != nameof(SniffedProtocol.NeedMore))
            {
                FuzzFailure.ThrowUnlessEqual(before, sniffed, $"Sniffed after {bytes} bytes and after all");
            }

            before = Read(input[..bytes]);
            if (before != SlowClientHello.NeedMore)
            {
                FuzzFailure.ThrowUnlessEqual(before, read, $"Read after {bytes} bytes and after all");
            }
        }
    }

    private static string Sniff(byte[] input)
    {
        string sniffed = ProtocolSniffer.Sniff(input).ToString();
        FuzzFailure.ThrowUnlessEqual(SlowSniffer.Sniff(input), sniffed, "Sniffed");
        return sniffed;
    }

    private string Read(byte[] input)
    {
        string expected = SlowClientHello.Read(input);
        _reader ??= new ClientHelloReader();
        ClientHelloStatus status = _reader.Read(input, out ClientHello hello);
        string[] offered = expected.Contains(" protocols ", StringComparison.Ordinal)
            ? expected.Split(" protocols ")[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)
            : [];
        string read = status switch
        {
            ClientHelloStatus.NeedMore => SlowClientHello.NeedMore,
            ClientHelloStatus.Malformed => SlowClientHello.Malformed,
            _ => SlowClientHello.Describe(Encoding.Latin1.GetString(hello.ServerName), hello.NamesProtocols ? offered : []),
        };
        FuzzFailure.ThrowUnlessEqual(expected, read, "Hello");
        foreach (string protocol in offered)
        {
            if (!hello.Offers(Convert.FromHexString(protocol)))
            {
                throw new FuzzFailure($"The hello does not offer {protocol}.");
            }
        }

        if (status == ClientHelloStatus.Complete && hello.Offers("no such protocol"u8) && !offered.Contains(s_noSuchProtocol))
        {
            throw new FuzzFailure("The hello offers what is not in it.");
        }

        return read;
    }

    private static string Any(Random random, string[] texts) => texts[random.Next(texts.Length)];
}
