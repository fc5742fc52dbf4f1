using System.Buffers;
using System.Text;
using Mesh.Api.Patterns;
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

    // Reference B.1, rewrite: uriRegexRewrite substitutes with \1 groups, wherever in the path the expression matches.
    [Theory]
    [InlineData("^/service/([^/]+)(/.*)$", @"\2/instance/\1", "/service/foo/v1/api", "/v1/api/instance/foo")]
    [InlineData("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz")]
    [InlineData("^(.*?)one(.*)$", @"\1two\2", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/one/zzz")]
    [InlineData("(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb")]
    [InlineData("/a", @"\0\\$1", "/a", @"/a\$1")]
    [InlineData("^/", "", "/a", "/a")]
    [InlineData("nothing", "else", "/a", "/a")]
    public void What_an_expression_matches_is_replaced(string pattern, string replacement, string path, string expected)
    {
        Assert.True(PatternSubstitution.TryCompile(pattern, replacement, out PatternSubstitution? substitution, out _));
        Assert.Equal(expected, Rewritten(PathRewrite.Matches(substitution), PathMatch.Prefix("/"), path));
    }

    [Theory]
    [InlineData("(", "", "not a regular expression")]
    [InlineData("(a)", @"\2", "no group")]
    [InlineData("a", @"\n", "backslash")]
    [InlineData("a", @"b\", "backslash")]
    [InlineData("(.*)", @"\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0", "more than 16 references")]
    public void A_substitution_that_cannot_be_made_is_refused(string pattern, string replacement, string expected)
    {
        Assert.False(PatternSubstitution.TryCompile(pattern, replacement, out _, out string? problem));
        Assert.Contains(expected, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_does_not_grow_without_measure()
    {
        Assert.True(PatternSubstitution.TryCompile("a", new string('b', 1_024), out PatternSubstitution? longest, out _));
        Assert.False(PatternSubstitution.TryCompile("a", new string('b', 1_025), out _, out _));
        Assert.Equal(15 * 1_024 + 1, Rewritten(PathRewrite.Matches(longest), null, "/" + new string('a', 15)).Length);
        AssertTooLong(longest, "/" + new string('a', 16));

        Assert.True(PatternSubstitution.TryCompile("a", "bb", out PatternSubstitution? twice, out _));
        Assert.Equal(
            1_001 + PatternSubstitution.ReplacedMax,
            Rewritten(PathRewrite.Matches(twice), null, "/" + new string('a', 1_000)).Length);

        string all = string.Concat(Enumerable.Repeat(@"\0", PatternSubstitution.ReferencesMax));
        Assert.True(PatternSubstitution.TryCompile(".*", all, out PatternSubstitution? whole, out _));
        Assert.Equal(16 * 1_024, Rewritten(PathRewrite.Matches(whole), null, "/" + new string('a', 1_023)).Length);
        AssertTooLong(whole, "/" + new string('a', 1_024));
        AssertTooLong(whole, "/" + new string('a', 64 * 1_024));

        // Bytes count, not characters.
        AssertTooLong(whole, "/" + new string('é', 1_000));
    }

    [Fact]
    public void A_long_path_may_stay_as_long_as_it_is()
    {
        Assert.True(PatternSubstitution.TryCompile("^/a", "/b", out PatternSubstitution? substitution, out _));
        string rest = new('c', 40_000);
        Assert.Equal($"/b{rest}", Rewritten(PathRewrite.Matches(substitution), null, $"/a{rest}"));
        Assert.Equal($"/c{rest}", Rewritten(PathRewrite.Matches(substitution), null, $"/c{rest}"));
    }

    [Fact]
    public void What_is_cut_within_a_character_by_groups_is_joined_again()
    {
        Assert.True(PatternSubstitution.TryCompile("^/(.)(.)", @"/\1\2", out PatternSubstitution? substitution, out _));
        Assert.Equal("/😀", Rewritten(PathRewrite.Matches(substitution), null, "/😀"));
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

    /// <summary>Refused, by a redirect too, and nothing of it is written.</summary>
    private static void AssertTooLong(PatternSubstitution substitution, string path)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.False(PathRewrite.Matches(substitution).TryWrite(Encoding.UTF8.GetBytes(path), null, output));
        Assert.Equal(0, output.WrittenCount);
        var redirect = new RedirectAction { Path = PathRewrite.Matches(substitution) };
        var request = new TextRequest(path) { Host = "shop" };
        Assert.False(redirect.TryWriteLocation(in request, RouteMatch.Everything, output));
    }

    private static string Rewritten(PathRewrite rewrite, PathMatch? match, string path)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.True(match?.Matches(Encoding.UTF8.GetBytes(path)) ?? true);
        Assert.True(rewrite.TryWrite(Encoding.UTF8.GetBytes(path), match, output));
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static string Location(RedirectAction redirect, TextRequest request, RouteMatch match)
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.True(redirect.TryWriteLocation(in request, match, output));
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
