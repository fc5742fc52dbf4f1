using System.Collections.Immutable;

namespace Mesh.Node.Model.Routing;

/// <summary>A rule for requests: which, and what becomes of them. Immutable.</summary>
/// <param name="Name">What people find it by: its own name, or the resource and its place there. For logs and explanations.</param>
/// <param name="Matches">Of these one must hold; none at all holds for every request.</param>
/// <param name="Action">What becomes of a request.</param>
public sealed record Route(string Name, ImmutableArray<RouteMatch> Matches, RouteAction Action);

/// <summary>What becomes of a request.</summary>
public abstract record RouteAction;

/// <summary>It is sent on, to one of several destinations by weight.</summary>
public sealed record ForwardAction(WeightedDestinations Destinations) : RouteAction
{
    /// <summary>What is changed of the path before it is sent; null for nothing.</summary>
    public PathRewrite? Rewrite { get; init; }

    /// <summary>The authority sent instead of the client's; null for the client's own.</summary>
    public string? Authority { get; init; }
}

/// <summary>The proxy answers by itself.</summary>
/// <param name="Status">200 to 599.</param>
/// <param name="Body">May be empty.</param>
public sealed record DirectResponseAction(int Status, ImmutableArray<byte> Body) : RouteAction;
