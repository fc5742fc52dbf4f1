namespace Mesh.Node.Model.Outliers;

/// <summary>When an endpoint that answers badly is left out for a while. Immutable. Defaults are Istio's (reference B.2, E.2).</summary>
public sealed record OutlierOptions
{
    /// <summary>Server errors (5xx) in a row; 0 for never.</summary>
    public int Consecutive5xx { get; init; } = 5;

    /// <summary>502, 503 and 504 in a row; 0 for never.</summary>
    public int ConsecutiveGatewayErrors { get; init; }

    /// <summary>
    /// What failed before there was an answer (connections, resets, time limits) is counted apart. Otherwise it counts as a server error
    /// and as a gateway error.
    /// </summary>
    public bool SplitsLocalOrigin { get; init; }

    /// <summary>Such failures in a row, where they are counted apart; 0 for never.</summary>
    public int ConsecutiveLocalOriginFailures { get; init; } = 5;

    /// <summary>How often endpoints are compared with each other and let back in.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the first ejection lasts; the n-th in a row lasts n times as long.</summary>
    public TimeSpan BaseEjection { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>No ejection is longer than this, or than <see cref="BaseEjection"/> where that is more.</summary>
    public TimeSpan MaxEjection { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>The part of a pool that may be out at once, in percent. One endpoint always may.</summary>
    public int MaxEjectionPercent { get; init; } = 10;

    /// <summary>Comparison of success rates; null for none.</summary>
    public SuccessRateOptions? SuccessRate { get; init; }

    /// <summary>Comparison of response times; null for none.</summary>
    public LatencyOptions? Latency { get; init; }
}

/// <summary>An endpoint whose success rate is far below its peers' is ejected.</summary>
/// <param name="EndpointsMin">No comparison among fewer endpoints that have answered enough.</param>
/// <param name="RequestsMin">What an endpoint must have answered in an interval to be compared.</param>
/// <param name="DeviationsPermille">Thousandths of a standard deviation below the mean that are borne.</param>
public sealed record SuccessRateOptions(int EndpointsMin = 5, int RequestsMin = 100, int DeviationsPermille = 1_900);

/// <summary>An endpoint that answers far slower than its peers is ejected.</summary>
/// <param name="EndpointsMin">No comparison among fewer endpoints that have answered enough.</param>
/// <param name="RequestsMin">What an endpoint must have answered in an interval to be compared.</param>
/// <param name="FactorPercent">Its mean response time in percent of the median of all means, from which on it is too slow.</param>
/// <param name="Floor">A mean below this is never too slow.</param>
public sealed record LatencyOptions(int EndpointsMin, int RequestsMin, int FactorPercent, TimeSpan Floor);
