using Mesh.Node.Model.Outliers;

namespace Mesh.Node.Model.Traffic;

/// <summary>
/// How requests and connections are carried to the endpoints of a service. Immutable. Defaults are what holds where nothing is said
/// (reference B.2).
/// </summary>
public sealed record TrafficPolicy
{
    public static TrafficPolicy Default { get; } = new();

    public BalancingPolicy Balancing { get; init; } = BalancingPolicy.Default;

    public ConnectionLimits Limits { get; init; } = ConnectionLimits.Default;

    /// <summary>When an endpoint that answers badly is left out for a while; null for never.</summary>
    public OutlierOptions? Outliers { get; init; }

    /// <summary>How connections to endpoints outside the mesh are made in TLS; null for as they are.</summary>
    public TlsOrigination? Tls { get; init; }

    /// <summary>
    /// While fewer endpoints are left than this, in percent of all, those that are ejected take requests too. 0: never, so that with all
    /// of them ejected a request fails (reference 0.4).
    /// </summary>
    public int PanicPercent { get; init; }

    /// <summary>
    /// Endpoints near the client go before those farther away, while they are not ejected: of its subzone, then its zone, then its region.
    /// </summary>
    public bool PrefersNear { get; init; }
}

/// <summary>How an endpoint is chosen for a request. Immutable.</summary>
/// <param name="Algorithm">How.</param>
/// <param name="Hash">What a request is hashed by; set with <see cref="BalancingAlgorithm.ConsistentHash"/> and not otherwise.</param>
/// <param name="Warmup">How an endpoint that is new comes to its share; null for at once.</param>
public sealed record BalancingPolicy(BalancingAlgorithm Algorithm, HashPolicy? Hash = null, WarmupPolicy? Warmup = null)
{
    public static BalancingPolicy Default { get; } = new(BalancingAlgorithm.LeastRequest);
}

/// <inheritdoc cref="BalancingPolicy"/>
public enum BalancingAlgorithm
{
    /// <summary>Of two drawn by weight, the one with fewer requests under way.</summary>
    LeastRequest,
    RoundRobin,
    Random,

    /// <summary>The address the client dialled; no endpoint is chosen.</summary>
    Passthrough,

    /// <summary>The same key to the same endpoint.</summary>
    ConsistentHash,
}

/// <summary>An endpoint that is new gets less than its share at first.</summary>
/// <param name="Duration">How long until it has all of it.</param>
/// <param name="MinimumPercent">Its share at the start, 0 to 100 percent.</param>
/// <param name="Aggression">
/// Its share grows as (time / duration) to the power of 1 / this; 1 is a straight line, more is faster at first.
/// </param>
public sealed record WarmupPolicy(TimeSpan Duration, double MinimumPercent = 10, double Aggression = 1);
