using System.Net.Security;
using System.Text;
using Mesh.Fuzz.Targets;
using Mesh.Node.Protocols.Sniffing;
using Mesh.Testing;

namespace Mesh.Node.Protocols.Tests.Sniffing;

public sealed class ClientHelloReaderTests
{
    private const string Host = "stock.shop.svc.cluster.local";

    private readonly ClientHelloReader _reader = new();

    public static TheoryData<string, byte[]> Malformed
    {
        get
        {
            byte[] sni = ClientHelloInput.Extension(0, ClientHelloInput.ServerName("a.b"u8.ToArray()));
            byte[] alpn = ClientHelloInput.Extension(16, ClientHelloInput.Protocols("h2"));
            return new()
            {
                { "another version", Hello(ClientHelloInput.Body([], version: 2)) },
                { "a session id of 33 bytes", Hello(ClientHelloInput.Body([], session: new byte[33])) },
                { "no cipher suite", Hello(ClientHelloInput.Body([], suites: [])) },
                { "half a cipher suite", Hello(ClientHelloInput.Body([], suites: [0x13])) },
                { "no compression", Hello(ClientHelloInput.Body([], compressions: [])) },
                { "no null compression", Hello(ClientHelloInput.Body([], compressions: [1])) },
                { "bytes after the extensions", Hello([.. ClientHelloInput.Body([]), 0]) },
                { "a body that is cut", Hello(ClientHelloInput.Body([])[..40]) },
                { "an empty body", Hello([]) },
                { "an extension that is cut", Hello(ClientHelloInput.Body([0, 1, 0])) },
                { "an extension longer than the rest", Hello(ClientHelloInput.Body([0, 1, 0, 1])) },
                { "one extension twice", Hello(ClientHelloInput.Body([.. sni, .. alpn, .. sni])) },
                { "one unknown extension twice", Hello(ClientHelloInput.Body([0, 99, 0, 0, 0, 99, 0, 0])) },
                { "65 extensions", Hello(ClientHelloInput.Body([.. Enumerable.Range(100, 65).SelectMany(type => ClientHelloInput.Extension(type, []))])) },
                { "an empty server name extension", Hello(ClientHelloInput.Body(ClientHelloInput.Extension(0, []))) },
                { "no server name", Hello(ClientHelloInput.Body(ClientHelloInput.Extension(0, [0, 0]))) },
                { "another kind of name", Hello(ClientHelloInput.Body(ClientHelloInput.Extension(0, ClientHelloInput.ServerName("a"u8.ToArray(), kind: 1)))) },
                { "two server names", Hello(ClientHelloInput.Body(ClientHelloInput.Extension(0, [0, 8, 0, 0, 1, 97, 0, 0, 1, 98]))) },
                { "bytes after the server name", Hello(ClientHelloInput.Body(ClientHelloInput.Extension(0, [.. ClientHelloInput.ServerName("a"u8.ToArray()), 0]))) },
                { "an empty list of protocols", Hello(ClientHelloInput.Body(ClientHelloInput.Extension(16, [0, 0]))) },
                { "an empty protocol", Hello(ClientHelloInput.Body(ClientHelloInput.Extension(16, ClientHelloInput.Protocols("h2", "")))) },
                { "a protocol that is cut", Hello(ClientHelloInput.Body(ClientHelloInput.Extension(16, [0, 2, 2, 104]))) },
                { "bytes after the protocols", Hello(ClientHelloInput.Body(ClientHelloInput.Extension(16, [.. ClientHelloInput.Protocols("h2"), 0]))) },
                { "another message", ClientHelloInput.Record(ClientHelloInput.Message(ClientHelloInput.Body([]), type: 2)) },
                { "another message behind it", ClientHelloInput.Record([.. ClientHelloInput.Message(ClientHelloInput.Body([])), 1]) },
                { "a record that ends behind it", [.. ClientHelloInput.Record(ClientHelloInput.Message(ClientHelloInput.Body([]))[..44]), 22, 3, 1, 0, 4] },
                { "another record in between", [.. ClientHelloInput.Record([1]), 23, 3, 3, 0, 1, 0] },
                { "a length beyond any client's", ClientHelloInput.Record([1, 0, 0x40, 0]) },
                { "17 records", ClientHelloInput.Records(ClientHelloInput.Message(ClientHelloInput.Body(null)), 2) },
                { "an empty record", [22, 3, 1, 0, 0] },
            };
        }
    }

    [Theory]
    [InlineData(null, new string[0])]
    [InlineData(Host, new string[0])]
    [InlineData(Host, new[] { "h2", "http/1.1" })]
    [InlineData(null, new[] { "istio-http/1.1" })]
    [InlineData("A-b_c.D2", new[] { "h2" })]
    public void It_says_whom_it_asks_for_and_what_it_offers_once_it_is_whole(string? name, string[] protocols)
    {
        byte[] input = ClientHelloInput.Whole(name, protocols);
        for (int count = 0; count < input.Length; count++)
        {
            Assert.Equal(ClientHelloStatus.NeedMore, _reader.Read(input.AsSpan(0, count), out _));
        }

        Check(input, name, protocols);
        Check([.. input, 20, 3, 3, 0, 1, 1], name, protocols);
    }

    [Theory]
    [InlineData(9)]
    [InlineData(44)]
    [InlineData(100)]
    public void It_is_read_across_records(int payloadBytes)
    {
        byte[] whole = ClientHelloInput.Whole(Host, "h2", "http/1.1");
        byte[] input = ClientHelloInput.Records(whole[5..], payloadBytes);
        for (int count = 0; count < input.Length; count++)
        {
            Assert.Equal(ClientHelloStatus.NeedMore, _reader.Read(input.AsSpan(0, count), out _));
        }

        Check(input, Host, ["h2", "http/1.1"]);

        // What was put together before is not in the way of the next.
        Check(ClientHelloInput.Whole("other.example", "x"), "other.example", ["x"]);
    }

    [Fact]
    public void A_client_older_than_extensions_asks_for_nobody() => Check(Hello(ClientHelloInput.Body(null)), null, []);

    [Fact]
    public void A_hello_as_large_as_the_limit_is_read_and_no_larger_one()
    {
        int emptyBytes = Hello(ClientHelloInput.Body(ClientHelloInput.Extension(21, []))).Length;
        byte[] Padded(int bytes) => Hello(ClientHelloInput.Body(ClientHelloInput.Extension(21, new byte[bytes - emptyBytes])));

        Assert.Equal(ClientHelloStatus.Complete, _reader.Read(Padded(ProtocolSniffer.BytesMax - 1), out _));
        Assert.Equal(ClientHelloStatus.Complete, _reader.Read(Padded(ProtocolSniffer.BytesMax), out _));
        Assert.Equal(ClientHelloStatus.Malformed, _reader.Read(Padded(ProtocolSniffer.BytesMax + 1), out _));
        Assert.Equal(ClientHelloStatus.Malformed, _reader.Read(Padded(ProtocolSniffer.BytesMax + 1).AsSpan(0, 9), out _));
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void What_breaks_a_rule_is_not_read(string what, byte[] input)
    {
        Assert.True(_reader.Read(input, out ClientHello hello) == ClientHelloStatus.Malformed, what);
        Assert.True(hello.ServerName.IsEmpty);
        Assert.False(hello.NamesProtocols);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("a.")]
    [InlineData(".a")]
    [InlineData("a..b")]
    [InlineData("a b")]
    [InlineData("a\0b")]
    [InlineData("a/b")]
    [InlineData("[::1]")]
    [InlineData("b\u00fccher")]
    public void What_is_no_host_name_is_none(string name) =>
        Assert.Equal(ClientHelloStatus.Malformed, _reader.Read(ClientHelloInput.Whole(name), out _));

    [Theory]
    [InlineData(63, 1, true)]
    [InlineData(64, 1, false)]
    [InlineData(60, 4, true)]
    [InlineData(63, 4, false)]
    public void Labels_and_names_have_DNS_lengths(int labelChars, int labels, bool isName)
    {
        string name = string.Join('.', Enumerable.Repeat(new string('a', labelChars), labels));
        Assert.Equal(isName ? ClientHelloStatus.Complete : ClientHelloStatus.Malformed, _reader.Read(ClientHelloInput.Whole(name), out _));
    }

    // The one client at hand that is not ours.
    [Fact]
    public async Task The_hello_of_a_real_client_is_read()
    {
        using RecordingStream stream = new();
        using SslStream client = new(stream);
        SslClientAuthenticationOptions options = new()
        {
            TargetHost = Host,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        };
        await Assert.ThrowsAnyAsync<IOException>(() => client.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken));

        byte[] input = stream.ToArray();
        Assert.Equal(SniffedProtocol.Tls, ProtocolSniffer.Sniff(input));
        Check(input, Host, ["h2", "http/1.1"]);
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        byte[] whole = ClientHelloInput.Whole(Host, "h2");
        byte[] records = ClientHelloInput.Records(whole[5..], 50);
        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int round = 0; round < 1_000; round++)
            {
                _reader.Read(whole, out _);
                _reader.Read(records, out _);
                ProtocolSniffer.Sniff(whole);
            }
        }));
    }

    private static byte[] Hello(byte[] body) => ClientHelloInput.Record(ClientHelloInput.Message(body));

    private void Check(ReadOnlySpan<byte> input, string? name, string[] protocols)
    {
        Assert.Equal(ClientHelloStatus.Complete, _reader.Read(input, out ClientHello hello));
        Assert.Equal(name ?? "", Encoding.ASCII.GetString(hello.ServerName));
        Assert.Equal(protocols.Length > 0, hello.NamesProtocols);
        foreach (string protocol in protocols)
        {
            Assert.True(hello.Offers(Encoding.ASCII.GetBytes(protocol)), protocol);
        }

        Assert.False(hello.Offers("h3"u8));
        Assert.False(hello.Offers(""u8));
    }

    /// <summary>Keeps what is written and has nothing to read.</summary>
    private sealed class RecordingStream : MemoryStream
    {
        public override int Read(Span<byte> buffer) => 0;

        public override int Read(byte[] buffer, int offset, int count) => 0;

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => Task.FromResult(0);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(0);
    }
}
