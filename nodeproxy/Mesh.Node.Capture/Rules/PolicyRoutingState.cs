namespace Mesh.Node.Capture.Rules;

/// <summary>What of our routing a namespace has, for one family.</summary>
/// <param name="Rules">How often the rule is there as it must be; the kernel allows more than one.</param>
/// <param name="Misplaced">Rules of our mark and table that are otherwise not ours, as <c>ip</c> printed them.</param>
/// <param name="HasRoute">Whether the local route is there.</param>
/// <param name="ForeignRoutes">Other routes in our table.</param>
internal sealed record PolicyRoutingState(int Rules, IReadOnlyList<string> Misplaced, bool HasRoute, IReadOnlyList<string> ForeignRoutes);
