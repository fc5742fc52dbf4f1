namespace Mesh.Node.Model.Outliers;

/// <summary>Why an endpoint was ejected.</summary>
public enum EjectionCause
{
    Consecutive5xx,
    ConsecutiveGatewayErrors,
    ConsecutiveLocalOriginFailures,
    SuccessRate,
    Latency,
}
