using System.Globalization;
using Mesh.Node.Model.Balancing;

namespace Mesh.Node.Model.Routing;

/// <summary>
/// Faults that are made on purpose, at the client's side and before anything is sent on. The two are drawn apart from each other.
/// </summary>
/// <param name="Delay">A pause; null for none.</param>
/// <param name="Abort">An answer in place of the upstream's; null for none. Given after the pause, where both were drawn.</param>
public sealed record FaultPolicy(FaultDelay? Delay, FaultAbort? Abort);

/// <summary>A pause before a request is sent on.</summary>
public sealed record FaultDelay(TimeSpan Duration, Share Share);

/// <summary>An answer in place of the upstream's: one of the two is set.</summary>
/// <param name="HttpStatus">200 to 599; null when gRPC's is given.</param>
/// <param name="GrpcStatus">0 to 16; null when HTTP's is given.</param>
/// <param name="Share">Of how many requests.</param>
public sealed record FaultAbort(int? HttpStatus, int? GrpcStatus, Share Share);

/// <summary>A part of all requests, in steps of a millionth.</summary>
/// <param name="PartsPerMillion">0 to 1,000,000.</param>
public readonly record struct Share(int PartsPerMillion)
{
    private const int Whole = 1_000_000;

    public static Share All { get; } = new(Whole);

    /// <summary>Draws whether a request is among them.</summary>
    public bool Draw(ref RandomState random) => PartsPerMillion > 0 && random.Next(Whole) < (ulong)PartsPerMillion;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{PartsPerMillion / 1e4:0.####} %");
}
