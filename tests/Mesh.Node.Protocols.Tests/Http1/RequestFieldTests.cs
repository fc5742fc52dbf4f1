using Mesh.Node.Protocols.Http1;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>
/// Goal: fields are read as RFC 9112 §5 has them, Host as §3.2, and what concerns one connection only does not pass. Method: a table of fields of a
/// request, each cut everywhere.
/// </summary>
public sealed class RequestFieldTests
{
    [Theory]

    // §5, §5.1: names in lower case, whitespace around values gone, inside kept.
    [InlineData("X-Name: value", "| x-name: value")]
    [InlineData("X:value", "| x: value")]
    [InlineData("X:  \t a  b\t ", "| x: a  b")]
    [InlineData("X:", "| x: ")]
    [InlineData("X: \t ", "| x: ")]
    [InlineData("X: a:b: c", "| x: a:b: c")]
    [InlineData("X: caf\u00e9\u00ff", "| x: caf\u00e9\u00ff")]
    [InlineData("!#$%&'*+-.^_`|~9aZ: v", "| !#$%&'*+-.^_`|~9az: v")]
    [InlineData("X: 1\r\nx: 2\r\nY: 3", "| x: 1 | x: 2 | y: 3")]
    [InlineData("Cookie: a=b\r\nAccept: */*", "| cookie: a=b | accept: */*")]

    // RFC 9110 §7.6.1: what concerns this connection only, and what Connection names, wherever it stands.
    [InlineData("X: 1\r\nConnection: x, Y\r\nY: 2\r\nZ: 3", "| z: 3")]
    [InlineData("Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nX: 1", "| x: 1")]
    [InlineData("Connection: ,, keep-alive ,\r\nX: 1", "| x: 1")]
    [InlineData("Connection:", "")]
    [InlineData("TE: gzip", "")]
    public void What_is_well_formed_is_read(string fields, string expected) =>
        Assert.Equal($"GET http a / 1.1 None {expected}".TrimEnd(), HeadText.ReadRequest($"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n").TrimEnd());

    [Theory]

    // §5.1: no whitespace before the colon.
    [InlineData("X : 1", Http1Refusal.WhitespaceBeforeColon)]
    [InlineData("X\t: 1", Http1Refusal.WhitespaceBeforeColon)]
    [InlineData("Content-Length : 5", Http1Refusal.WhitespaceBeforeColon)]
    [InlineData("Transfer-Encoding : chunked", Http1Refusal.WhitespaceBeforeColon)]

    // §5.2: no folding, not even of nothing, not even of the first field.
    [InlineData("X: 1\r\n 2", Http1Refusal.FoldedField)]
    [InlineData("X: 1\r\n\t2", Http1Refusal.FoldedField)]
    [InlineData("X: 1\r\n ", Http1Refusal.FoldedField)]
    [InlineData(" X: 1", Http1Refusal.FoldedField)]

    // §5: names are tokens.
    [InlineData("X", Http1Refusal.BadFieldName)]
    [InlineData(": 1", Http1Refusal.BadFieldName)]
    [InlineData("X Y: 1", Http1Refusal.BadFieldName)]
    [InlineData("X Y", Http1Refusal.BadFieldName)]
    [InlineData("X(a): 1", Http1Refusal.BadFieldName)]
    [InlineData("X@: 1", Http1Refusal.BadFieldName)]
    [InlineData("X\0: 1", Http1Refusal.BadFieldName)]
    [InlineData("X\u00e9: 1", Http1Refusal.BadFieldName)]
    [InlineData("X\r: 1", Http1Refusal.BadFieldName)]
    [InlineData("\u00a0X: 1", Http1Refusal.BadFieldName)]
    [InlineData("GET /admin HTTP/1.1", Http1Refusal.BadFieldName)]

    // RFC 9110 §5.5: values have no control characters, and CR LF is the one end of a line.
    [InlineData("X: a\0b", Http1Refusal.BadFieldValue)]
    [InlineData("X: a\rb", Http1Refusal.BadFieldValue)]
    [InlineData("X: a\r", Http1Refusal.BadFieldValue)]
    [InlineData("X:\r", Http1Refusal.BadFieldValue)]
    [InlineData("X: \u007f", Http1Refusal.BadFieldValue)]
    [InlineData("X: \u0001", Http1Refusal.BadFieldValue)]
    [InlineData("X: \u000b", Http1Refusal.BadFieldValue)]
    [InlineData("X: a\n", Http1Refusal.BareLineFeed)]
    [InlineData("X: a\nY: b", Http1Refusal.BareLineFeed)]
    [InlineData("\n", Http1Refusal.BareLineFeed)]
    [InlineData("X: a\r\n\n", Http1Refusal.BareLineFeed)]
    [InlineData("\r", Http1Refusal.BadFieldName)]

    // §3.2: Host once, and one host.
    [InlineData("Host: a", Http1Refusal.RepeatedHost)]
    [InlineData("hOST: b", Http1Refusal.RepeatedHost)]

    // RFC 9110 §7.6.1.
    [InlineData("Connection: a b", Http1Refusal.BadConnectionOption)]
    [InlineData("Connection: close;q=1", Http1Refusal.BadConnectionOption)]
    [InlineData("Connection: \"close\"", Http1Refusal.BadConnectionOption)]
    [InlineData("Connection: Host", Http1Refusal.ForbiddenConnectionOption)]
    [InlineData("Connection: close, Content-Length", Http1Refusal.ForbiddenConnectionOption)]
    [InlineData("Connection: Authorization", Http1Refusal.ForbiddenConnectionOption)]
    [InlineData("Connection: cookie", Http1Refusal.ForbiddenConnectionOption)]
    [InlineData("Connection: forwarded", Http1Refusal.ForbiddenConnectionOption)]
    [InlineData("Connection: X-Forwarded-Client-Cert", Http1Refusal.ForbiddenConnectionOption)]
    [InlineData("Connection: x-envoy-original-path", Http1Refusal.ForbiddenConnectionOption)]

    // RFC 9110 §10.1.1.
    [InlineData("Expect: something", Http1Refusal.BadExpectation)]
    [InlineData("Expect: 100-continue, other", Http1Refusal.BadExpectation)]
    public void What_is_not_is_refused(string fields, Http1Refusal expected) =>
        Assert.Equal($"{expected}", HeadText.ReadRequest($"GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"));

    [Theory]
    [InlineData("a")]
    [InlineData("a.example.")]
    [InlineData("a:0")]
    [InlineData("a:65535")]
    [InlineData("a_b.c-d~e!$&'()*+,;=")]
    [InlineData("a%41b")]
    [InlineData("10.0.0.1:80")]
    [InlineData("[::1]")]
    [InlineData("[::ffff:10.0.0.1]:8080")]
    public void Host_is_a_host_and_perhaps_a_port(string host) =>
        Assert.Equal($"GET http {host} / 1.1 None", HeadText.ReadRequest($"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));

    [Theory]
    [InlineData("")]
    [InlineData(":80")]
    [InlineData("a:")]
    [InlineData("a:b")]
    [InlineData("a:8 0")]
    [InlineData("a:65536")]
    [InlineData("a:000080")]
    [InlineData("a:80:80")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("a?b")]
    [InlineData("a#b")]
    [InlineData("a@b")]
    [InlineData("a\\b")]
    [InlineData("a%4")]
    [InlineData("a%zz")]
    [InlineData("a\u00e9")]
    [InlineData("\"a\"")]
    [InlineData("::1")]
    [InlineData("[::1")]
    [InlineData("[]")]
    [InlineData("[a]")]
    [InlineData("[10.0.0.1]")]
    [InlineData("[::1%eth0]")]
    [InlineData("[:::::]")]
    [InlineData("[::1]80")]
    [InlineData("[::1]:")]
    [InlineData("a[::1]")]
    public void Anything_else_is_refused(string host) =>
        Assert.Equal("BadHost", HeadText.ReadRequest($"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n", "MissingHost")]
    [InlineData("GET http://b/ HTTP/1.1\r\n\r\n", "MissingHost")]
    [InlineData("GET / HTTP/1.0\r\n\r\n", "GET http - / 1.0 None close")]
    [InlineData("GET / HTTP/1.0\r\nHost: a\r\n\r\n", "GET http a / 1.0 None close")]
    [InlineData("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "RepeatedHost")]
    [InlineData("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET http b / 1.1 None")]
    [InlineData("GET http://b/ HTTP/1.1\r\nHost: a@b\r\n\r\n", "BadHost")]
    [InlineData("CONNECT b:80 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT - b:80 - 1.1 Tunnel")]
    public void Host_is_needed_in_1_1_and_yields_to_the_targets_authority(string input, string expected) =>
        Assert.Equal(expected, HeadText.ReadRequest(input));

    [Theory]
    [InlineData("1.1", "", "")]
    [InlineData("1.1", "Connection: close\r\n", " close")]
    [InlineData("1.1", "Connection: CLOSE\r\n", " close")]
    [InlineData("1.1", "Connection: keep-alive, close\r\n", " close")]
    [InlineData("1.1", "Connection: keep-alive\r\nConnection: close\r\n", " close")]
    [InlineData("1.1", "Proxy-Connection: close\r\n", "")]
    [InlineData("1.0", "", " close")]
    [InlineData("1.0", "Connection: Keep-Alive\r\n", "")]
    [InlineData("1.0", "Connection: keep-alive, close\r\n", " close")]
    [InlineData("1.0", "Proxy-Connection: keep-alive\r\n", " close")]
    public void A_connection_persists_as_both_versions_have_it(string version, string fields, string expected) =>
        Assert.Equal($"GET http a / {version} None{expected}", HeadText.ReadRequest($"GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n"));

    [Theory]
    [InlineData("1.1", "Content-Length: 1\r\nExpect: 100-continue\r\n", "Length(1) continue")]
    [InlineData("1.1", "Content-Length: 1\r\nExpect: 100-Continue\r\n", "Length(1) continue")]
    [InlineData("1.1", "Expect: 100-continue\r\n", "None")]
    [InlineData("1.1", "Content-Length: 0\r\nExpect: 100-continue\r\n", "None(0)")]
    [InlineData("1.0", "Content-Length: 1\r\nExpect: 100-continue\r\nConnection: keep-alive\r\n", "Length(1)")]
    [InlineData("1.1", "TE: trailers\r\n", "None te")]
    [InlineData("1.1", "TE: deflate;q=0.5, Trailers\r\n", "None te")]
    [InlineData("1.1", "TE: deflate\r\nTE: trailers\r\nConnection: te\r\n", "None te")]
    [InlineData("1.1", "TE: trailers;q=0.5\r\n", "None")]
    public void What_a_client_expects_is_a_property(string version, string fields, string expected) =>
        Assert.Equal($"PUT http a / {version} {expected}", HeadText.ReadRequest($"PUT / HTTP/{version}\r\nHost: a\r\n{fields}\r\n"));

    [Theory]
    [InlineData("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", " upgrade=websocket")]
    [InlineData("1.1", "Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n", " upgrade=WebSocket")]
    [InlineData("1.1", "Upgrade: websocket\r\n", "")]
    [InlineData("1.1", "Connection: Upgrade\r\n", "")]
    [InlineData("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n", "")]
    [InlineData("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade:\r\n", "")]
    [InlineData("1.1", "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", "")]
    [InlineData("1.1", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", "")]
    [InlineData("1.1", "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n", "")]
    [InlineData("1.1", "Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n", "")]
    [InlineData("1.0", "Connection: Upgrade, keep-alive\r\nUpgrade: websocket\r\n", "")]
    [InlineData("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n", "(0) upgrade=websocket")]
    public void Only_an_upgrade_that_may_pass_is_told(string version, string fields, string expected) =>
        Assert.Equal($"GET http a / {version} None{expected}", HeadText.ReadRequest($"GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n"));

    [Fact]
    public void An_upgrade_with_content_is_an_ordinary_request() => Assert.Equal(
        "GET http a / 1.1 Length(4) >> abcd",
        HeadText.ReadRequest("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nabcd"));

    [Theory]
    [InlineData("POST / HTTP/1.1", "POST http a / 1.1 None")]
    [InlineData("OPTIONS * HTTP/1.1", "OPTIONS http a * 1.1 None")]
    public void An_upgrade_of_another_method_than_GET_is_an_ordinary_request(string line, string expected) => Assert.Equal(
        expected, HeadText.ReadRequest($"{line}\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"));

    [Fact]
    public void Which_upgrades_pass_is_an_option() => Assert.Equal(
        "GET http a / 1.1 None upgrade=SPDY/3.1",
        HeadText.ReadRequest(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n",
            new Http1Options { UpgradeProtocols = ["websocket", "spdy/3.1"] }));

    [Theory]
    [InlineData(64, 200, 10, 64, "GET")]
    [InlineData(64, 200, 10, 65, "FieldTooLong")]
    [InlineData(64, 75, 10, 64, "GET")]
    [InlineData(64, 74, 10, 64, "FieldsTooLarge")]
    [InlineData(200, 75, 10, 150, "FieldsTooLarge")]
    [InlineData(200, 100, 1, 20, "TooManyFields")]
    [InlineData(200, 100, 2, 20, "GET")]
    public void Fields_beyond_a_limit_are_refused(int fieldMax, int fieldsMax, int countMax, int lineBytes, string expected)
    {
        // "Host: a" and its end take 9 bytes of all fields.
        var options = new Http1Options { FieldBytesMax = fieldMax, FieldsBytesMax = fieldsMax, FieldsMax = countMax };
        string head = $"GET / HTTP/1.1\r\nHost: a\r\nx: {new string('v', lineBytes - 3)}";

        Assert.StartsWith(expected, HeadText.ReadRequest(head + "\r\n\r\n", options), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Http1Refusal.StartLineTooLong, 414)]
    [InlineData(Http1Refusal.BadExpectation, 417)]
    [InlineData(Http1Refusal.FieldTooLong, 431)]
    [InlineData(Http1Refusal.FieldsTooLarge, 431)]
    [InlineData(Http1Refusal.TooManyFields, 431)]
    [InlineData(Http1Refusal.UnsupportedTransferCoding, 501)]
    [InlineData(Http1Refusal.UnsupportedVersion, 505)]
    [InlineData(Http1Refusal.BadTransferEncoding, 400)]
    [InlineData(Http1Refusal.BareLineFeed, 400)]
    public void Each_refusal_has_a_status(Http1Refusal refusal, int expected) => Assert.Equal(expected, Http1Refusals.StatusOf(refusal));

    [Fact]
    public void Each_refusal_has_a_sentence_of_its_own()
    {
        string[] texts = [.. Enum.GetValues<Http1Refusal>().Select(Http1Refusals.TextOf)];

        Assert.Distinct(texts);
        Assert.All(texts[1..], text => Assert.EndsWith(".", text, StringComparison.Ordinal));
    }
}
