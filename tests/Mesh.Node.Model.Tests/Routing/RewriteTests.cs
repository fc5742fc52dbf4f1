using System.Buffers;
using System.Text;
using Mesh.Node.Model.Routing;
using Xunit;

namespace Mesh.Node.Model.Tests.Routing;

/// <summary>What becomes of a path on its way, and where redirects lead.</summary>
public sealed class RewriteTests
{
    // Gateway API, HTTPPathModifier: the table of ReplacePrefixMatch.
    [Theory]
    [InlineData("/foo", "/xyz", "/foo/bar", "/xyz/bar")]
    [InlineData("/foo", "/xyz/", "/foo/bar", "/xyz/bar")]
    [InlineData("/foo/", "/xyz", "/foo/bar", "/xyz/bar")]
    [InlineData("/foo/", "/xyz/", "/foo/bar", "/xyz/bar")]
    [InlineData("/foo", "/xyz", "/foo", "/xyz")]
    [InlineData("/foo/", "/xyz", "/foo/", "/xyz/")]
    [InlineData("/foo", "", "/foo/bar", "/bar")]
    [InlineData("/foo/", "", "/foo/bar", "/bar")]
    [InlineData("/foo", "", "/foo", "/")]
    [InlineData("/foo/", "", "/foo/", "/")]
    [InlineData("/foo", "/", "/foo/bar", "/bar")]
    [InlineData("/foo", "/", "/foo", "/")]
    [InlineData("/", "/xyz", "/bar", "/xyz/bar")]
    public void A_prefix_of_segments_is_replaced_with_one_slash_between(string prefix, string replacement, string path, string expected) =>
        Assert.Equal(expected, Rewritten(PathRewrite.MatchedPart(replacement), PathMatch.Segments(prefix), path));

    [Theory]
    [InlineData("/api/", "/", "/api/v1", "/v1")]
    [InlineData("/api", "/v2", "/api/v1", "/v2/v1")]
    [InlineData("/api", "/v2", "/apis", "/v2s")]
    [InlineData("/api/", "", "/api/v1", "/v1")]
    [InlineData("/api", "", "/api", "/")]
    public void A_prefix_that_is_a_string_is_replaced_as_one(string prefix, string replacement, string path, string expected) =>
        Assert.Equal(expected, Rewritten(PathRewrite.MatchedPart(replacement), PathMatch.Prefix(prefix), path));

    [Fact]
    public void Where_the_route_has_no_prefix_all_of_the_path_is_replaced()
    {
        Assert.Equal("/new", Rewritten(PathRewrite.MatchedPart("/new"), PathMatch.Exact("/old"), "/old"));
        Assert.Equal("/new", Rewritten(PathRewrite.MatchedPart("/new"), null, "/any/path"));
        Assert.Equal("/new", Rewritten(PathRewrite.Whole("/new"), PathMatch.Prefix("/old"), "/old/path"));
    }

    [Theory]
    [InlineData("http", "shop:8080", RedirectPort.OfScheme, "http://shop/a?b=c")]
    [InlineData("http", "shop:8080", RedirectPort.OfRequest, "http://shop:8080/a?b=c")]
    [InlineData("http", "shop:80", RedirectPort.OfRequest, "http://shop/a?b=c")]
    [InlineData("https", "shop:443", RedirectPort.OfRequest, "https://shop/a?b=c")]
    [InlineData("https", "shop:80", RedirectPort.OfRequest, "https://shop:80/a?b=c")]
    [InlineData("http", "shop", RedirectPort.Given, "http://shop:8443/a?b=c")]
    [InlineData("http", "[fd00::1]:8080", RedirectPort.OfRequest, "http://[fd00::1]:8080/a?b=c")]
    [InlineData("http", "[fd00::1]", RedirectPort.OfRequest, "http://[fd00::1]/a?b=c")]
    public void A_redirect_keeps_what_it_does_not_change(string scheme, string authority, RedirectPort port, string expected) =>
        Assert.Equal(expected, Location(
            new RedirectAction { PortFrom = port, Port = 8443 },
            new TextRequest("/a?b=c") { Protocol = scheme, Host = authority },
            RouteMatch.Everything));

    [Fact]
    public void A_redirect_changes_scheme_host_port_and_path()
    {
        var redirect = new RedirectAction
        {
            Scheme = "https",
            Host = "store.example",
            PortFrom = RedirectPort.Given,
            Port = 443,
            Path = PathRewrite.MatchedPart("/v2"),
        };

        Assert.Equal(
            "https://store.example/v2/list",
            Location(redirect, new TextRequest("/v1/list") { Host = "shop" }, new RouteMatch { Path = PathMatch.Segments("/v1") }));
    }

    private static string Rewritten(PathRewrite rewrite, PathMatch? match, string path)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.True(match?.Matches(Encoding.UTF8.GetBytes(path)) ?? true);
        rewrite.Write(Encoding.UTF8.GetBytes(path), match, output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static string Location(RedirectAction redirect, TextRequest request, RouteMatch match)
    {
        var output = new ArrayBufferWriter<byte>();
        redirect.WriteLocation(in request, match, output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
