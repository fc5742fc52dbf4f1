namespace Mesh.Node.Model.Outliers;

/// <summary>Is told what becomes of the endpoints of a pool. Called under the pool's lock: counts or notes it, and returns.</summary>
public interface IOutlierObserver
{
    /// <summary>An endpoint is left out from now on.</summary>
    /// <param name="endpoint">Which.</param>
    /// <param name="cause">Why.</param>
    /// <param name="durationMs">For how long at least, in milliseconds.</param>
    void OnEjected(OutlierEndpoint endpoint, EjectionCause cause, long durationMs);

    /// <summary>An endpoint would have been ejected, had not too many been out already.</summary>
    void OnEjectionOverflow();
}
