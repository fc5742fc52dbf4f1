using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;

namespace Mesh.Control.Model.Traffic;

/// <summary>A rule for requests. Immutable.</summary>
/// <param name="Name">What people find it by.</param>
/// <param name="Matches">Of these one must hold; none at all holds for every request.</param>
/// <param name="Action">What becomes of a request.</param>
public sealed record Route(string Name, ImmutableArray<RouteMatch> Matches, RouteAction Action)
{
    public HeaderOperations RequestHeaders { get; init; } = HeaderOperations.None;

    public HeaderOperations ResponseHeaders { get; init; } = HeaderOperations.None;

    public CorsPolicy? Cors { get; init; }
}

public abstract record RouteAction;

/// <param name="Destinations">At least one.</param>
public sealed record ForwardAction(ImmutableArray<RouteDestination> Destinations) : RouteAction
{
    /// <summary>A destination nobody can be reached at keeps its share, which then fails.</summary>
    public bool KeepsUnusable { get; init; }

    public PathRewrite? Rewrite { get; init; }

    /// <summary>Sent instead of the client's; null for the client's own.</summary>
    public string? Authority { get; init; }

    public TimeSpan? Timeout { get; init; }

    public RetryPolicy Retries { get; init; } = RetryPolicy.Default;

    public FaultPolicy? Fault { get; init; }

    public ImmutableArray<Mirror> Mirrors { get; init; } = [];
}

/// <param name="Status">301, 302, 303, 307 or 308.</param>
public sealed record RedirectAction(int Status) : RouteAction
{
    /// <summary>http or https; null for the request's own.</summary>
    public string? Scheme { get; init; }

    public string? Host { get; init; }

    public PathRewrite? Path { get; init; }

    /// <summary>Null for the scheme's own or, where <see cref="KeepsPort"/>, the request's.</summary>
    public int? Port { get; init; }

    public bool KeepsPort { get; init; }
}

/// <param name="Status">200 to 599.</param>
/// <param name="Body">May be empty.</param>
public sealed record DirectResponseAction(int Status, ImmutableArray<byte> Body) : RouteAction;

/// <param name="Service">Null for what can never be reached, so that its share fails.</param>
/// <param name="Port">The service's port; 0 without a service only.</param>
/// <param name="Subset">Empty for all endpoints.</param>
/// <param name="Weight">Its share is this over the sum of all.</param>
public sealed record RouteDestination(ServiceKey? Service, int Port, string Subset, uint Weight)
{
    /// <summary>Sent in place of the route's; null for that.</summary>
    public string? Authority { get; init; }

    public HeaderOperations RequestHeaders { get; init; } = HeaderOperations.None;

    public HeaderOperations ResponseHeaders { get; init; } = HeaderOperations.None;
}

/// <param name="Replacement">Of the whole path, or of the part that was matched.</param>
/// <param name="ReplacesMatchedPart">Which of them.</param>
public sealed record PathRewrite(string Replacement, bool ReplacesMatchedPart)
{
    /// <summary>
    /// A regular expression: each part of the path that it matches is replaced, by a text in which <c>\1</c> is its first group. Null where
    /// the replacement is of the whole or of the matched part.
    /// </summary>
    public string? Pattern { get; init; }
}

/// <param name="Destination">Its weight means nothing.</param>
/// <param name="PartsPerMillion">Of how many requests.</param>
public sealed record Mirror(RouteDestination Destination, int PartsPerMillion);

/// <param name="Delay">Null for none.</param>
/// <param name="Abort">Null for none.</param>
public sealed record FaultPolicy(FaultDelay? Delay, FaultAbort? Abort);

public sealed record FaultDelay(TimeSpan Duration, int PartsPerMillion);

/// <param name="HttpStatus">200 to 599; null when gRPC's is given.</param>
/// <param name="GrpcStatus">0 to 16; null when HTTP's is given.</param>
/// <param name="PartsPerMillion">Of how many requests.</param>
public sealed record FaultAbort(int? HttpStatus, int? GrpcStatus, int PartsPerMillion);

/// <summary>In this order.</summary>
public sealed record HeaderOperations(
    ImmutableArray<string> Remove, ImmutableArray<HeaderText> Set, ImmutableArray<HeaderText> Add)
{
    public static HeaderOperations None { get; } = new([], [], []);

    public bool IsEmpty => Remove.IsEmpty && Set.IsEmpty && Add.IsEmpty;
}

/// <param name="Name">Of the field.</param>
/// <param name="Value">As it stands; with parts only what people read.</param>
public readonly record struct HeaderText(string Name, string Value)
{
    /// <summary>Put together for each message in place of the value; none where it stands as it is.</summary>
    public ImmutableArray<HeaderValuePart> Parts { get; init; } = [];
}

public sealed record CorsPolicy
{
    public ImmutableArray<TextCondition> AllowOrigins { get; init; } = [];

    public ImmutableArray<string> AllowMethods { get; init; } = [];

    public ImmutableArray<string> AllowHeaders { get; init; } = [];

    public ImmutableArray<string> ExposeHeaders { get; init; } = [];

    public TimeSpan? MaxAge { get; init; }

    public bool AllowsCredentials { get; init; }

    public bool EndsUnmatchedPreflights { get; init; }
}
