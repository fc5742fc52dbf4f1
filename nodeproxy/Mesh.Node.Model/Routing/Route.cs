using System.Collections.Immutable;
using Mesh.Node.Model.Retries;

namespace Mesh.Node.Model.Routing;

/// <summary>A rule for requests: which, and what becomes of them. Immutable.</summary>
/// <param name="Name">What people find it by: its own name, or the resource and its place there. For logs and explanations.</param>
/// <param name="Matches">Of these one must hold; none at all holds for every request.</param>
/// <param name="Action">What becomes of a request.</param>
public sealed record Route(string Name, ImmutableArray<RouteMatch> Matches, RouteAction Action)
{
    /// <summary>What is changed of a request's head before it is sent on.</summary>
    public HeaderOperations RequestHeaders { get; init; } = HeaderOperations.None;

    /// <summary>What is changed of the head of whatever is answered.</summary>
    public HeaderOperations ResponseHeaders { get; init; } = HeaderOperations.None;

    /// <summary>What scripts of other origins may do; null when that is the upstream's matter.</summary>
    public CorsPolicy? Cors { get; init; }
}

/// <summary>What becomes of a request.</summary>
public abstract record RouteAction;

/// <summary>It is sent on, to one of several destinations by weight.</summary>
public sealed record ForwardAction(WeightedDestinations Destinations) : RouteAction
{
    /// <summary>What is changed of the path before it is sent; null for nothing.</summary>
    public PathRewrite? Rewrite { get; init; }

    /// <summary>The authority sent instead of the client's; null for the client's own.</summary>
    public string? Authority { get; init; }

    /// <summary>
    /// How long a request may take with all its attempts, from its end to the end of the answer; null for as long as it likes.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    public RetryPolicy Retries { get; init; } = RetryPolicy.Default;

    /// <summary>Faults that are made on purpose; null for none.</summary>
    public FaultPolicy? Fault { get; init; }

    /// <summary>Where copies of requests go, whose answers nobody waits for.</summary>
    public ImmutableArray<Mirror> Mirrors { get; init; } = [];
}

/// <summary>A copy of requests.</summary>
/// <param name="Destination">Where it goes; its weight means nothing.</param>
/// <param name="Share">Of how many requests.</param>
public sealed record Mirror(WeightedDestination Destination, Share Share)
{
    /// <summary>How a copy is sent: to its destination alone, and once.</summary>
    public ForwardAction Forward { get; } =
        new(new WeightedDestinations([Destination], keepsUnusable: true)) { Retries = RetryPolicy.Never };
}

/// <summary>The proxy answers by itself.</summary>
/// <param name="Status">200 to 599.</param>
/// <param name="Body">May be empty.</param>
public sealed record DirectResponseAction(int Status, ImmutableArray<byte> Body) : RouteAction;
