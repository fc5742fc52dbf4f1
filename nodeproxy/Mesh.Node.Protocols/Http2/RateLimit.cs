namespace Mesh.Node.Protocols.Http2;

/// <summary>A budget of events that refills with time.</summary>
/// <param name="Burst">Events at once.</param>
/// <param name="PerSecond">Events a second that come back.</param>
public readonly record struct RateLimit(int Burst, int PerSecond);
