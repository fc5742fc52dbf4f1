using System.Collections.Frozen;
using System.Text;
using Mesh.Api.Patterns;
using Mesh.Node.Model.Routing;
using Xunit;

namespace Mesh.Node.Model.Tests.Routing;

/// <summary>Each condition a route can have, by reference B.1 and C.3.</summary>
public sealed class RouteMatchTests
{
    [Theory]
    [InlineData("/foo", "/foo", true)]
    [InlineData("/foo", "/foo/", false)]
    [InlineData("/foo", "/Foo", false)]
    [InlineData("/foo", "/fo", false)]
    public void An_exact_path_is_the_whole_path(string condition, string path, bool isFulfilled) =>
        Assert.Equal(isFulfilled, PathMatch.Exact(condition).Matches(Encoding.UTF8.GetBytes(path)));

    [Theory]
    [InlineData("/foo", "/foo", true)]
    [InlineData("/foo", "/foobar", true)]
    [InlineData("/foo", "/foo/bar", true)]
    [InlineData("/foo/", "/foo", false)]
    [InlineData("/foo", "/FOO", false)]
    public void A_prefix_is_a_plain_string(string condition, string path, bool isFulfilled) =>
        Assert.Equal(isFulfilled, PathMatch.Prefix(condition).Matches(Encoding.UTF8.GetBytes(path)));

    [Theory]
    [InlineData("/foo", "/foo", true)]
    [InlineData("/foo", "/foo/", true)]
    [InlineData("/foo", "/foo/bar", true)]
    [InlineData("/foo", "/foobar", false)]
    [InlineData("/foo/", "/foo", true)]
    [InlineData("/foo/", "/foo/bar", true)]
    [InlineData("/foo/", "/foobar", false)]
    [InlineData("/", "/", true)]
    [InlineData("/", "/anything", true)]
    [InlineData("/", "*", false)]
    public void Segments_are_compared_whole_and_a_last_slash_means_nothing(string condition, string path, bool isFulfilled) =>
        Assert.Equal(isFulfilled, PathMatch.Segments(condition).Matches(Encoding.UTF8.GetBytes(path)));

    [Theory]
    [InlineData("/foo", "/FOO", true, true)]
    [InlineData("/foo", "/FOOBAR", false, true)]
    public void Case_may_be_ignored(string condition, string path, bool isExact, bool isPrefix)
    {
        Assert.Equal(isExact, PathMatch.Exact(condition, ignoresCase: true).Matches(Encoding.UTF8.GetBytes(path)));
        Assert.Equal(isPrefix, PathMatch.Prefix(condition, ignoresCase: true).Matches(Encoding.UTF8.GetBytes(path)));
    }

    [Theory]
    [InlineData("/a/[0-9]+", "/a/12", true)]
    [InlineData("/a/[0-9]+", "/a/12/b", false)]
    [InlineData("/a/[0-9]+", "/b/a/12", false)]
    [InlineData("a|ab", "ab", true)]
    [InlineData("(?i)/FOO", "/foo", true)]
    [InlineData("/(?P<id>[a-z]+)", "/abc", true)]
    [InlineData("/a$", "/a\n", false)]
    [InlineData(@"[]a\]]+", "]a]", true)]
    [InlineData("[^]]", "]", false)]
    [InlineData(@"/\d", "/\u0663", true)]
    public void A_pattern_matches_all_of_a_text(string expression, string text, bool isFulfilled) =>
        Assert.Equal(isFulfilled, Pattern(expression).Matches(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData("", "empty")]
    [InlineData("(", "not a regular expression")]
    [InlineData("a**", "not a regular expression")]
    [InlineData("(?=a)b", "looks around")]
    [InlineData(@"(a)\1", "refers back")]
    [InlineData("[[:alpha:]]+", "[:alpha:]")]
    [InlineData("[a-z-[aeiou]]", "bracket within a class at character 6")]
    [InlineData(@"\Qa.b\E", "not a regular expression")]
    [InlineData(@"a\Cb", "not a regular expression")]
    [InlineData("(?U)a+", "not a regular expression")]
    [InlineData("(?:(?:a{1000}){1000}){1000}", "repeats too much")]
    public void An_expression_that_cannot_be_matched_as_RE2_does_is_refused_with_the_reason(string expression, string reason)
    {
        Assert.False(RoutePattern.TryCompile(expression, out RoutePattern? pattern, out string? problem));
        Assert.Null(pattern);
        Assert.Contains(reason, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(PatternSyntax.CharactersMax, true)]
    [InlineData(PatternSyntax.CharactersMax + 1, false)]
    public void An_expression_has_at_most_1024_characters(int characters, bool isTaken) =>
        Assert.Equal(isTaken, RoutePattern.TryCompile(new string('a', characters), out _, out _));

    [Fact]
    public void A_pattern_is_matched_in_linear_time_whatever_it_is_and_however_long_the_text()
    {
        RoutePattern pattern = Pattern("(a*)*(a*)*b");

        Assert.False(pattern.Matches(Encoding.ASCII.GetBytes(new string('a', 100_000))));
    }

    [Theory]
    [InlineData("exact", "shop", true)]
    [InlineData("exact", "shop:80", false)]
    [InlineData("prefix", "shop:80", true)]
    [InlineData("suffix", "my.shop", true)]
    [InlineData("suffix", "shop.my", false)]
    public void A_value_is_compared_exactly_by_its_start_or_by_its_end(string kind, string text, bool isFulfilled)
    {
        ValueMatch match = kind switch
        {
            "exact" => ValueMatch.Exact("shop"),
            "prefix" => ValueMatch.Prefix("shop"),
            _ => ValueMatch.Suffix("shop"),
        };
        Assert.Equal(isFulfilled, match.Matches(Encoding.UTF8.GetBytes(text)));
    }

    [Theory]
    [InlineData("1", false, true)]
    [InlineData("2", false, false)]
    [InlineData(null, false, false)]
    [InlineData("1", true, false)]
    [InlineData("2", true, true)]
    [InlineData(null, true, true)]
    public void A_header_must_be_there_and_so_or_not_so(string? value, bool isInverted, bool isFulfilled) =>
        Assert.Equal(isFulfilled, HeaderHolds(new HeaderMatch("X-Debug", ValueMatch.Exact("1"), isInverted), value));

    [Theory]
    [InlineData("", false, true)]
    [InlineData(null, false, false)]
    [InlineData("", true, false)]
    [InlineData(null, true, true)]
    public void A_header_may_be_asked_for_only_to_be_there_or_missing(string? value, bool isInverted, bool isFulfilled) =>
        Assert.Equal(isFulfilled, HeaderHolds(new HeaderMatch("x-debug", ValueMatch.Present, isInverted), value));

    [Fact]
    public void A_missing_header_is_an_empty_one_where_its_value_must_not_be_so() =>
        Assert.False(HeaderHolds(new HeaderMatch("x-debug", ValueMatch.Pattern(Pattern(".*")), isInverted: true), null));

    [Theory]
    [InlineData("/?a=1", true)]
    [InlineData("/?b=2&a=1", true)]
    [InlineData("/?a=2&a=1", false)]
    [InlineData("/?A=1", false)]
    [InlineData("/?a=%31", false)]
    [InlineData("/?ab=1", false)]
    [InlineData("/?a", false)]
    [InlineData("/", false)]
    public void A_parameter_is_compared_by_its_first_value_as_sent(string target, bool isFulfilled) =>
        Assert.Equal(isFulfilled, Holds(new RouteMatch { Query = [new QueryMatch("a", ValueMatch.Exact("1"))] }, new TextRequest(target)));

    [Theory]
    [InlineData("/?a", true)]
    [InlineData("/?a=", true)]
    [InlineData("/?b&a&c", true)]
    [InlineData("/?", false)]
    [InlineData("/?&", false)]
    public void A_parameter_may_be_asked_for_only_to_be_there(string target, bool isFulfilled) =>
        Assert.Equal(isFulfilled, Holds(new RouteMatch { Query = [new QueryMatch("a", ValueMatch.Present)] }, new TextRequest(target)));

    [Fact]
    public void A_query_is_no_part_of_the_path() =>
        Assert.True(Holds(new RouteMatch { Path = PathMatch.Exact("/a") }, new TextRequest("/a?b=/c")));

    [Theory]
    [InlineData("default", "client", true)]
    [InlineData("default", "other", false)]
    [InlineData("elsewhere", "client", false)]
    public void A_client_may_be_asked_for_by_namespace_and_by_name(string @namespace, string name, bool isFulfilled)
    {
        var source = new SourceMatch
        {
            Namespace = "default",
            Workloads = FrozenSet.Create(Some.Workload("client").Uid, Some.Workload("client", @namespace: "elsewhere").Uid),
        };
        Assert.Equal(
            isFulfilled,
            Holds(new RouteMatch { Source = source }, new TextRequest { Client = Some.Workload(name, @namespace: @namespace) }));
    }

    [Fact]
    public void Nobody_known_is_no_client_that_was_asked_for() =>
        Assert.False(Holds(new RouteMatch { Source = new SourceMatch { Namespace = "default" } }, new TextRequest()));

    [Theory]
    [InlineData("POST", "https", "shop:80", false)]
    [InlineData("GET", "https", "shop:80", true)]
    [InlineData("GET", "http", "shop:80", false)]
    [InlineData("GET", "https", "shop", false)]
    [InlineData("get", "https", "shop:80", false)]
    public void All_conditions_of_a_match_must_hold(string method, string scheme, string authority, bool isFulfilled) =>
        Assert.Equal(isFulfilled, Holds(
            new RouteMatch
            {
                Method = ValueMatch.Exact("GET"),
                Scheme = ValueMatch.Exact("https"),
                Authority = ValueMatch.Exact("shop:80"),
            },
            new TextRequest { Verb = method, Protocol = scheme, Host = authority }));

    private static RoutePattern Pattern(string expression)
    {
        Assert.True(RoutePattern.TryCompile(expression, out RoutePattern? pattern, out string? problem), problem);
        return pattern;
    }

    private static bool HeaderHolds(HeaderMatch match, string? value) => Holds(
        new RouteMatch { Headers = [match] },
        new TextRequest { Fields = value is null ? [] : new Dictionary<string, string> { ["x-debug"] = value } });

    private static bool Holds(RouteMatch match, TextRequest request) =>
        RouteTable.Compile([new Route("only", [match], new DirectResponseAction(200, []))]).TryFind(in request, out _, out _);
}
