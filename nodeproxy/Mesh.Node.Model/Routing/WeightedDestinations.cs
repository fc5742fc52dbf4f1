using System.Collections.Immutable;
using Mesh.Node.Model.Balancing;

namespace Mesh.Node.Model.Routing;

/// <summary>Where requests of one route go, by weight. Immutable; any thread.</summary>
public sealed class WeightedDestinations
{
    /// <summary>What no destination is.</summary>
    public const int None = -1;

    private readonly ulong _total;

    /// <param name="destinations">At least one. The weight of a single one means nothing: it gets all.</param>
    /// <param name="keepsUnusable">
    /// A destination nobody can be reached at keeps its share, which then fails: what HTTPRoute asks for. Otherwise its share goes to the
    /// others by their weights.
    /// </param>
    public WeightedDestinations(ImmutableArray<WeightedDestination> destinations, bool keepsUnusable = false)
    {
        ArgumentOutOfRangeException.ThrowIfZero(destinations.Length, nameof(destinations));
        Destinations = destinations;
        KeepsUnusable = keepsUnusable;
        foreach (WeightedDestination destination in destinations)
        {
            _total += destination.Weight;
        }
    }

    public ImmutableArray<WeightedDestination> Destinations { get; }

    public bool KeepsUnusable { get; }

    /// <summary>Picks a destination.</summary>
    /// <param name="health">Says of which destinations an endpoint can be reached now.</param>
    /// <param name="random">The caller's generator.</param>
    /// <returns>Its place in the list; <see cref="None"/> when no destination has weight and, unless all are kept, is usable.</returns>
    public int Pick<THealth>(scoped ref readonly THealth health, ref RandomState random)
        where THealth : IDestinationHealth, allows ref struct
    {
        if (Destinations.Length == 1)
        {
            return KeepsUnusable || health.IsUsable(Destinations[0]) ? 0 : None;
        }

        if (_total == 0)
        {
            return None;
        }

        // Nearly always the first draw is usable; only when it is not, all are asked about.
        int drawn = At(random.Next(_total));
        if (KeepsUnusable || health.IsUsable(Destinations[drawn]))
        {
            return drawn;
        }

        return PickAmongUsable(in health, ref random);
    }

    private int PickAmongUsable<THealth>(scoped ref readonly THealth health, ref RandomState random)
        where THealth : IDestinationHealth, allows ref struct
    {
        // One pass, in which each that is usable takes the place of the one before it by its share of the weight so far: no destination is
        // asked about twice, as what is said of it may change in between, and nothing has to be remembered.
        ulong usable = 0;
        int picked = None;
        for (int i = 0; i < Destinations.Length; i++)
        {
            uint weight = Destinations[i].Weight;
            if (weight > 0 && health.IsUsable(Destinations[i]))
            {
                usable += weight;
                picked = random.Next(usable) < weight ? i : picked;
            }
        }

        return picked;
    }

    private int At(ulong point)
    {
        int place = 0;
        while (point >= Destinations[place].Weight)
        {
            point -= Destinations[place++].Weight;
        }

        return place;
    }
}

/// <summary>One destination of a route.</summary>
/// <param name="ServiceKey">namespace/hostname; empty for what can never be reached, so that its share fails.</param>
/// <param name="Port">The service's port.</param>
/// <param name="Subset">The subset of the service's endpoints; empty for all of them.</param>
/// <param name="Weight">Its share is this over the sum of all; 0 gets nothing beside others.</param>
public sealed record WeightedDestination(string ServiceKey, ushort Port, string Subset, uint Weight)
{
    /// <summary>It can never be reached, whatever becomes of services.</summary>
    public bool LeadsNowhere => ServiceKey.Length == 0;

    /// <summary>Sent in place of the client's and the route's; null for those.</summary>
    public string? Authority { get; init; }

    /// <summary>What is changed of the head of requests that go here, before what the route changes.</summary>
    public HeaderOperations RequestHeaders { get; init; } = HeaderOperations.None;

    /// <summary>What is changed of the head of answers from here, before what the route changes.</summary>
    public HeaderOperations ResponseHeaders { get; init; } = HeaderOperations.None;
}

/// <summary>Says which destinations can be used now.</summary>
public interface IDestinationHealth
{
    /// <summary>Whether the destination exists and an endpoint of it may be sent requests. Allocates nothing.</summary>
    bool IsUsable(WeightedDestination destination);
}
