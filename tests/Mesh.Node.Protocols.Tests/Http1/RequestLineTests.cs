using Mesh.Node.Protocols.Http1;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>
/// Goal: the request line is read as RFC 9112 §3 has it, and no other way. Method: a table of lines, each cut everywhere.
/// </summary>
public sealed class RequestLineTests
{
    [Theory]

    // §3.2.1: origin-form.
    [InlineData("GET / HTTP/1.1", "GET http a / 1.1 None")]
    [InlineData("GET /where?q=now HTTP/1.1", "GET http a /where?q=now 1.1 None")]
    [InlineData("GET //double//slash/../..;p HTTP/1.1", "GET http a //double//slash/../..;p 1.1 None")]
    [InlineData("GET /%00%2f HTTP/1.1", "GET http a /%00%2f 1.1 None")]
    [InlineData("GET /\"|{}^`<>\\[] HTTP/1.1", "GET http a /\"|{}^`<>\\[] 1.1 None")]
    [InlineData("OPTIONS / HTTP/1.1", "OPTIONS http a / 1.1 None")]

    // §3.2.2: absolute-form; its authority replaces Host.
    [InlineData("GET http://www.example.org/pub/a.html HTTP/1.1", "GET http www.example.org /pub/a.html 1.1 None")]
    [InlineData("GET HTTP://B:8080 HTTP/1.1", "GET http B:8080 / 1.1 None")]
    [InlineData("GET https://b?x HTTP/1.1", "GET https b /?x 1.1 None")]
    [InlineData("GET http://b/?x=http://c HTTP/1.1", "GET http b /?x=http://c 1.1 None")]
    [InlineData("GET http://[2001:db8::1]:80/ HTTP/1.1", "GET http [2001:db8::1]:80 / 1.1 None")]

    // §3.2.3: authority-form.
    [InlineData("CONNECT www.example.com:80 HTTP/1.1", "CONNECT - www.example.com:80 - 1.1 Tunnel")]
    [InlineData("CONNECT [::1]:443 HTTP/1.1", "CONNECT - [::1]:443 - 1.1 Tunnel")]

    // §3.2.4: asterisk-form.
    [InlineData("OPTIONS * HTTP/1.1", "OPTIONS http a * 1.1 None")]
    [InlineData("OPTIONS http://www.example.org:8001 HTTP/1.1", "OPTIONS http www.example.org:8001 * 1.1 None")]
    [InlineData("OPTIONS http://www.example.org:8001/ HTTP/1.1", "OPTIONS http www.example.org:8001 / 1.1 None")]

    // §3.1: methods are tokens, known or not.
    [InlineData("get / HTTP/1.1", "get http a / 1.1 None")]
    [InlineData("M-SEARCH / HTTP/1.1", "M-SEARCH http a / 1.1 None")]
    [InlineData("!#$%&'*+-.^_`|~09 / HTTP/1.1", "!#$%&'*+-.^_`|~09 http a / 1.1 None")]

    // §2.2: one empty line before it.
    [InlineData("\r\nGET / HTTP/1.1", "GET http a / 1.1 None")]

    // §2.3, §9.3: a 1.0 connection closes.
    [InlineData("GET / HTTP/1.0", "GET http a / 1.0 None close")]
    public void What_is_well_formed_is_read(string line, string expected) =>
        Assert.Equal(expected, HeadText.ReadRequest($"{line}\r\nHost: a\r\n\r\n"));

    [Theory]

    // The line and its spaces.
    [InlineData("GET", Http1Refusal.BadRequestLine)]
    [InlineData("GET ", Http1Refusal.BadRequestLine)]
    [InlineData("GET /", Http1Refusal.BadRequestLine)]
    [InlineData(" GET / HTTP/1.1", Http1Refusal.BadRequestLine)]
    [InlineData("\r\n\r\nGET / HTTP/1.1", Http1Refusal.BadRequestLine)]
    [InlineData("GET  / HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET /  HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET  HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET /a b HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET\t/\tHTTP/1.1", Http1Refusal.BadRequestLine)]
    [InlineData("GET /\tHTTP/1.1", Http1Refusal.BadRequestLine)]
    [InlineData("GET /\vHTTP/1.1 HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET / HTTP/1.1 ", Http1Refusal.BadVersion)]
    [InlineData("GET / HTTP/1.1\r", Http1Refusal.BadVersion)]
    [InlineData("GET /\r HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET / HTTP/1.1\n", Http1Refusal.BareLineFeed)]
    [InlineData("\nGET / HTTP/1.1", Http1Refusal.BareLineFeed)]

    // The method.
    [InlineData("G@T / HTTP/1.1", Http1Refusal.BadMethod)]
    [InlineData("G\0T / HTTP/1.1", Http1Refusal.BadMethod)]
    [InlineData("G\u00c9T / HTTP/1.1", Http1Refusal.BadMethod)]
    [InlineData("GET: / HTTP/1.1", Http1Refusal.BadMethod)]

    // The version.
    [InlineData("GET / HTTP/2.0", Http1Refusal.UnsupportedVersion)]
    [InlineData("PRI * HTTP/2.0", Http1Refusal.UnsupportedVersion)]
    [InlineData("GET / HTTP/0.9", Http1Refusal.UnsupportedVersion)]
    [InlineData("GET / HTTP/1.2", Http1Refusal.UnsupportedVersion)]
    [InlineData("GET / HTTP/5.6", Http1Refusal.UnsupportedVersion)]
    [InlineData("GET / http/1.1", Http1Refusal.BadVersion)]
    [InlineData("GET / HTTP/1", Http1Refusal.BadVersion)]
    [InlineData("GET / HTTP/1.", Http1Refusal.BadVersion)]
    [InlineData("GET / HTTP/1.10", Http1Refusal.BadVersion)]
    [InlineData("GET / HTTP/11.1", Http1Refusal.BadVersion)]
    [InlineData("GET / HTTP/1,1", Http1Refusal.BadVersion)]
    [InlineData("GET / HTTP/ 1.1", Http1Refusal.BadVersion)]
    [InlineData("GET / HTTPS/1.1", Http1Refusal.BadVersion)]
    [InlineData("GET / RTSP/1.0", Http1Refusal.BadVersion)]

    // The target.
    [InlineData("GET a HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET ?a HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET /a#b HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET /\u00e9 HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET /\0 HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET /\u007f HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET * HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("PRI * HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("OPTIONS ** HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("OPTIONS a:80 HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET a:80 HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET http:/a HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET http:// HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET http:///a HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET http://user@a/ HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET http://user:pass@a/ HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET http://a:/ HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET http://a:65536/ HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET ftp://a/ HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET file:///etc HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET ://a/ HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET http://[::1/ HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("GET http://a\\b/ HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("CONNECT a HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("CONNECT a: HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("CONNECT :80 HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("CONNECT a:80/ HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("CONNECT http://a:80 HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("CONNECT /a HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("CONNECT * HTTP/1.1", Http1Refusal.BadTarget)]
    [InlineData("connect a:80 HTTP/1.1", Http1Refusal.BadTarget)]
    public void What_is_not_is_refused(string line, Http1Refusal expected) =>
        Assert.Equal($"{expected}", HeadText.ReadRequest($"{line}\r\nHost: a\r\n\r\n"));

    [Fact]
    public void The_scheme_of_a_target_without_one_is_the_connections() =>
        Assert.Equal("GET https a / 1.1 None", HeadText.ReadRequest("GET / HTTP/1.1\r\nHost: a\r\n\r\n", new Http1Options { IsHttps = true }));

    [Theory]
    [InlineData(54, "GET")]
    [InlineData(55, "StartLineTooLong")]
    [InlineData(500, "StartLineTooLong")]
    public void A_line_beyond_the_limit_is_refused_before_it_ends(int pathBytes, string expected)
    {
        var options = new Http1Options { StartLineBytesMax = 64 + 3 };
        string line = $"GET /{new string('a', pathBytes - 1)} HTTP/1.1";

        Assert.StartsWith(expected, HeadText.ReadRequest($"{line}\r\nHost: a\r\n\r\n", options), StringComparison.Ordinal);
        string unfinished = HeadText.ReadRequest(line + (pathBytes > 55 ? "" : "a"), options);
        Assert.Equal(pathBytes > 54 ? "StartLineTooLong" : "NeedMore", unfinished);
    }
}
