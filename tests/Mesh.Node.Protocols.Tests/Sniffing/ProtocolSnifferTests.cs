using System.Text;
using Mesh.Fuzz.Targets;
using Mesh.Node.Protocols.Sniffing;

namespace Mesh.Node.Protocols.Tests.Sniffing;

public sealed class ProtocolSnifferTests
{
    private const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    // What a connection begins with, what that is, and after how many bytes it is known.
    public static TheoryData<string, SniffedProtocol, int> Beginnings => new()
    {
        { "GET / HTTP/1.1\r\n", SniffedProtocol.Http1, 11 },
        { "OPTIONS * HTTP/1.1\r\n", SniffedProtocol.Http1, 15 },
        { "CONNECT a:443 HTTP/1.1\r\n", SniffedProtocol.Http1, 19 },
        { "GET http://a/b HTTP/1.0\r\n", SniffedProtocol.Http1, 20 },
        { "PROPFIND /dav HTTP/1.1\r\n", SniffedProtocol.Http1, 19 },
        { "M-SEARCH * HTTP/1.1\r\n", SniffedProtocol.Http1, 16 },
        { "GET /\u00ff HTTP/1.1\r\n", SniffedProtocol.Http1, 12 },
        { "GET / HTTP/9.9\r\n", SniffedProtocol.Http1, 11 },
        { "PRI * HTTP/1.1\r\n", SniffedProtocol.Http1, 12 },
        { Preface, SniffedProtocol.Http2, 24 },
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", SniffedProtocol.Http1, 24 },
        { "\u0016\u0003\u0001\u0002\u0000\u0001\u0000", SniffedProtocol.Tls, 6 },
        { "\u0016\u0003\u0003\u0000\u0001\u0001", SniffedProtocol.Tls, 6 },
        { "\u0016\u0003\u0001\u0002\u0000\u0002", SniffedProtocol.Other, 6 },
        { "\u0016\u0003\u0001\u0000\u0000", SniffedProtocol.Other, 5 },
        { "\u0016\u0003\u0001\u0040\u0001", SniffedProtocol.Other, 5 },
        { "\u0016\u0003\u0005", SniffedProtocol.Other, 3 },
        { "\u0016\u0002", SniffedProtocol.Other, 2 },
        { "\u0017\u0003\u0003", SniffedProtocol.Other, 1 },

        // Text protocols whose commands look like methods.
        { "get key\r\n", SniffedProtocol.Other, 8 },
        { "set key 0 0 3\r\nabc\r\n", SniffedProtocol.Other, 9 },
        { "GET /key\r\n", SniffedProtocol.Other, 9 },
        { "*1\r\n$4\r\nPING\r\n", SniffedProtocol.Other, 3 },
        { "PING\r\n", SniffedProtocol.Other, 5 },
        { "EHLO host\r\n", SniffedProtocol.Other, 10 },
        { "SSH-2.0-OpenSSH_9.2\r\n", SniffedProtocol.Other, 20 },
        { "CONNECT {\"verbose\":false}\r\n", SniffedProtocol.Other, 26 },
        { "CONNECT\naccept-version:1.2\n", SniffedProtocol.Other, 8 },
        { "\u0000\u0000\u0000\u0008\u0004\u00d2\u0016\u002f", SniffedProtocol.Other, 1 },

        // Nearly requests.
        { " GET / HTTP/1.1\r\n", SniffedProtocol.Other, 1 },
        { "\r\nGET / HTTP/1.1\r\n", SniffedProtocol.Other, 1 },
        { "GET  / HTTP/1.1\r\n", SniffedProtocol.Other, 5 },
        { "GET\t/ HTTP/1.1\r\n", SniffedProtocol.Other, 4 },
        { "GET / http/1.1\r\n", SniffedProtocol.Other, 7 },
        { "GET /\r\n", SniffedProtocol.Other, 6 },
        { "GET /\u007f HTTP/1.1\r\n", SniffedProtocol.Other, 6 },
        { "GET / HTTX/1.1\r\n", SniffedProtocol.Other, 10 },
        { "G(T / HTTP/1.1\r\n", SniffedProtocol.Other, 2 },
        { new string('M', 32) + " / HTTP/1.1\r\n", SniffedProtocol.Http1, 40 },
        { new string('M', 33) + " / HTTP/1.1\r\n", SniffedProtocol.Other, 33 },
    };

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void It_is_known_at_its_byte_and_neither_before_nor_otherwise_after(string beginning, SniffedProtocol expected, int knownAt)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(beginning);
        for (int count = 0; count <= bytes.Length; count++)
        {
            Assert.Equal(count < knownAt ? SniffedProtocol.NeedMore : expected, ProtocolSniffer.Sniff(bytes.AsSpan(0, count)));
        }
    }

    [Fact]
    public void A_request_line_is_looked_at_as_far_as_the_limit_and_no_further()
    {
        const string End = " HTTP/";
        string longest = "GET /" + new string('a', ProtocolSniffer.BytesMax - "GET /".Length - End.Length) + End;
        Assert.Equal(SniffedProtocol.Http1, ProtocolSniffer.Sniff(Encoding.ASCII.GetBytes(longest)));
        byte[] tooLong = Encoding.ASCII.GetBytes(longest.Replace(End, "a" + End, StringComparison.Ordinal));
        Assert.Equal(SniffedProtocol.NeedMore, ProtocolSniffer.Sniff(tooLong.AsSpan(0, ProtocolSniffer.BytesMax - 1)));
        Assert.Equal(SniffedProtocol.Other, ProtocolSniffer.Sniff(tooLong.AsSpan(0, ProtocolSniffer.BytesMax)));
        Assert.Equal(SniffedProtocol.Other, ProtocolSniffer.Sniff(tooLong));
    }

    [Fact]
    public void A_whole_hello_is_TLS() => Assert.Equal(SniffedProtocol.Tls, ProtocolSniffer.Sniff(ClientHelloInput.Whole()));
}
