using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Mesh.Node.Model.Routing;

/// <summary>
/// The routes of one service's port, or of one host, in the order in which they are asked: the first that a request fulfils is its own.
/// Compiled and immutable; any thread; finding allocates nothing.
/// </summary>
/// <remarks>
/// Whichever discipline orders routes, a list or Gateway API's precedence, has done so before. Matches are filed under the path they ask
/// for, so that a request is compared with those whose path it can have and with those that ask for none, in their order.
/// </remarks>
public sealed class RouteTable
{
    private readonly ImmutableArray<Entry> _entries;
    private readonly RouteIndex _index;

    private RouteTable(ImmutableArray<Route> routes, ImmutableArray<Entry> entries)
    {
        Routes = routes;
        _entries = entries;
        _index = new RouteIndex([.. entries.Select(entry => entry.Match.Path)]);
    }

    /// <summary>A table without routes, in which nothing is found.</summary>
    public static RouteTable Empty { get; } = Compile([]);

    /// <summary>The routes, in order.</summary>
    public ImmutableArray<Route> Routes { get; }

    /// <summary>Compiles routes that are in order.</summary>
    public static RouteTable Compile(ImmutableArray<Route> routes) =>
        new(routes, [.. routes.SelectMany(route => MatchesOf(route).Select(match => new Entry(route, match)))]);

    /// <summary>Finds the route of a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="route">The first route it fulfils; null when there is none.</param>
    /// <param name="match">The match of that route which it fulfils; the first of them.</param>
    public bool TryFind<TRequest>(
        scoped ref readonly TRequest request, [NotNullWhen(true)] out Route? route, [NotNullWhen(true)] out RouteMatch? match)
        where TRequest : IRequestFacts, allows ref struct
    {
        ReadOnlySpan<byte> path = request.Path;
        Span<RouteIndex.Cursor> lists = stackalloc RouteIndex.Cursor[RouteIndex.ListsMax];
        lists = lists[.._index.Open(path, lists)];
        while (_index.TryNext(lists, out int place))
        {
            Entry entry = _entries[place];
            if ((entry.Match.Path is null || entry.Match.Path.Matches(path)) && entry.Match.MatchesBesidePath(in request))
            {
                route = entry.Route;
                match = entry.Match;
                return true;
            }
        }

        route = null;
        match = null;
        return false;
    }

    private static ImmutableArray<RouteMatch> MatchesOf(Route route) => route.Matches.IsEmpty ? [RouteMatch.Everything] : route.Matches;

    private readonly record struct Entry(Route Route, RouteMatch Match);
}
