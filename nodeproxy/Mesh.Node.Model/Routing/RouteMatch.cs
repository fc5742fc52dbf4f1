using System.Collections.Immutable;

namespace Mesh.Node.Model.Routing;

/// <summary>Conditions that must all hold; what is null or empty is no condition, so a match with nothing in it holds always.</summary>
public sealed record RouteMatch
{
    /// <summary>What holds for every request.</summary>
    public static RouteMatch Everything { get; } = new();

    public PathMatch? Path { get; init; }

    public ValueMatch? Method { get; init; }

    public ValueMatch? Scheme { get; init; }

    public ValueMatch? Authority { get; init; }

    public ImmutableArray<HeaderMatch> Headers { get; init; } = [];

    public ImmutableArray<QueryMatch> Query { get; init; } = [];

    public SourceMatch? Source { get; init; }

    /// <summary>Whether a request fulfils all but the condition on its path. No allocation.</summary>
    internal bool MatchesBesidePath<TRequest>(scoped ref readonly TRequest request)
        where TRequest : IRequestFacts, allows ref struct
    {
        if ((Method is not null && !Method.Matches(request.Method))
            || (Scheme is not null && !Scheme.Matches(request.Scheme))
            || (Authority is not null && !Authority.Matches(request.Authority))
            || (Source is not null && !Source.Matches(request.Source)))
        {
            return false;
        }

        foreach (HeaderMatch header in Headers)
        {
            if (!header.Matches(in request))
            {
                return false;
            }
        }

        foreach (QueryMatch parameter in Query)
        {
            if (!parameter.Matches(request.Query))
            {
                return false;
            }
        }

        return true;
    }
}
