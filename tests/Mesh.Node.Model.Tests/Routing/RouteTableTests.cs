using System.Collections.Immutable;
using Mesh.Node.Model.Routing;
using Xunit;

namespace Mesh.Node.Model.Tests.Routing;

/// <summary>Which of several routes is a request's own: the first it fulfils, however they are filed.</summary>
public sealed class RouteTableTests
{
    private const int Tables = 300;
    private const int RequestsOfEach = 100;

    private static readonly string[] s_paths = ["/", "/a", "/a/", "/a/b", "/a/bc", "/ab", "/A", "/b", "*", "/a/b/c/d"];

    [Fact]
    public void Nothing_is_found_where_there_is_nothing()
    {
        var request = new TextRequest();

        Assert.False(RouteTable.Empty.TryFind(in request, out Route? route, out RouteMatch? match));
        Assert.Null(route);
        Assert.Null(match);
    }

    [Fact]
    public void A_route_without_matches_holds_for_every_request() => Assert.Equal("all", Found([Named("all")], "/anything"));

    [Fact]
    public void The_first_route_wins_although_a_later_one_says_more() =>
        Assert.Equal("first", Found([Named("first", PathMatch.Prefix("/a")), Named("exact", PathMatch.Exact("/a/b"))], "/a/b"));

    [Fact]
    public void Nothing_comes_after_a_route_for_everything() =>
        Assert.Equal("all", Found([Named("all"), Named("exact", PathMatch.Exact("/a"))], "/a"));

    [Fact]
    public void A_route_is_found_by_any_of_its_matches_and_the_match_is_told()
    {
        var request = new TextRequest("/b");
        RouteTable table = RouteTable.Compile([Named("two", PathMatch.Exact("/a"), PathMatch.Prefix("/b"))]);

        Assert.True(table.TryFind(in request, out Route? route, out RouteMatch? match));
        Assert.Equal("two", route.Name);
        Assert.Equal(PathMatchKind.Prefix, match.Path!.Kind);
    }

    [Fact]
    public void Routes_of_one_path_are_told_apart_by_the_rest()
    {
        ImmutableArray<Route> routes =
        [
            new Route("debug", [new RouteMatch { Path = PathMatch.Exact("/a"), Headers = [new HeaderMatch("x-debug", ValueMatch.Present)] }], s_action),
            Named("other", PathMatch.Exact("/a")),
        ];
        Assert.Equal("other", Found(routes, "/a"));
        Assert.Equal("debug", Found(routes, "/a", new Dictionary<string, string> { ["x-debug"] = "" }));
    }

    [Fact]
    public void Prefixes_of_more_lengths_than_are_filed_are_all_found()
    {
        ImmutableArray<Route> routes = [.. Enumerable.Range(1, 100).Reverse().Select(length => Named($"{length}", PathMatch.Prefix(PathOf(length))))];

        Assert.All(Enumerable.Range(1, 100), length => Assert.Equal($"{length}", Found(routes, PathOf(length))));

        static string PathOf(int length) => "/" + new string('x', length - 1);
    }

    [Fact]
    public void What_is_found_is_what_looking_at_one_after_the_other_finds()
    {
        var random = new Random(20_261_130);
        int found = 0;
        for (int i = 0; i < Tables; i++)
        {
            ImmutableArray<Route> routes = [.. Enumerable.Range(0, random.Next(1, 40)).Select(index => RandomRoute(random, index))];
            RouteTable table = RouteTable.Compile(routes);
            for (int j = 0; j < RequestsOfEach; j++)
            {
                var request = new TextRequest(Any(random, s_paths)) { Verb = Any(random, ["GET", "PUT"]) };
                Route? expected = routes.FirstOrDefault(route => Naive(route, request));
                Assert.Equal(expected is not null, table.TryFind(in request, out Route? route, out _));
                Assert.Same(expected, route);
                found += route is null ? 0 : 1;
            }
        }

        // Neither always nor never, or the comparison would say little.
        Assert.InRange(found, Tables * RequestsOfEach / 10, Tables * RequestsOfEach * 99 / 100);
    }

    private static readonly RouteAction s_action = new DirectResponseAction(200, []);

    private static Route Named(string name, params ImmutableArray<PathMatch> paths) =>
        new(name, [.. paths.Select(path => new RouteMatch { Path = path })], s_action);

    private static string? Found(ImmutableArray<Route> routes, string target, Dictionary<string, string>? fields = null)
    {
        var request = new TextRequest(target) { Fields = fields ?? [] };
        return RouteTable.Compile(routes).TryFind(in request, out Route? route, out _) ? route.Name : null;
    }

    private static Route RandomRoute(Random random, int index) =>
        new($"{index}", [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => RandomMatch(random))], s_action);

    private static RouteMatch RandomMatch(Random random) => new()
    {
        Path = random.Next(20) switch
        {
            0 => null,
            < 6 => PathMatch.Exact(Any(random, s_paths), ignoresCase: random.Next(4) == 0),
            < 11 => PathMatch.Prefix(Any(random, s_paths), ignoresCase: random.Next(4) == 0),
            < 17 => PathMatch.Segments(Any(random, s_paths)),
            _ => PathMatch.Pattern(AnyPattern(random)),
        },
        Method = random.Next(2) == 0 ? ValueMatch.Exact(Any(random, ["GET", "PUT", "POST"])) : null,
    };

    private static RoutePattern AnyPattern(Random random)
    {
        Assert.True(RoutePattern.TryCompile(Any(random, ["/a.*", "/.", ".*c", "/[ab]+/?"]), out RoutePattern? pattern, out _));
        return pattern;
    }

    private static bool Naive(Route route, IRequestFacts request)
    {
        foreach (RouteMatch match in route.Matches)
        {
            if ((match.Path is null || match.Path.Matches(request.Path)) && (match.Method is null || match.Method.Matches(request.Method)))
            {
                return true;
            }
        }

        return false;
    }

    private static string Any(Random random, string[] values) => values[random.Next(values.Length)];
}
