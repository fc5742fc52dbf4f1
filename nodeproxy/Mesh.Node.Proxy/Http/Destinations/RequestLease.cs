using Mesh.Node.Model.Outliers;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>
/// What one request has taken of its destination: itself, a wait for a connection, a retry, and an attempt at an endpoint. Each is taken
/// once and returned once, in whatever order it is asked for, and <see cref="End"/> returns all. Used again from request to request, so
/// that none costs an allocation. Lives on one loop.
/// </summary>
internal sealed class RequestLease
{
    private Destination? _destination;
    private DestinationEndpoint? _attempted;
    private bool _isPending;
    private bool _isRetrying;

    /// <summary>The destination of the request under way; null while there is none.</summary>
    public Destination? Destination => _destination;

    /// <summary>The endpoint of the attempt under way; null while there is none.</summary>
    public DestinationEndpoint? Attempted => _attempted;

    /// <summary>Begins a request; one that was under way is ended.</summary>
    /// <returns>False when there are too many.</returns>
    public bool TryBeginRequest(Destination destination, out CircuitLimit reached)
    {
        End();
        if (!destination.Circuit.TryTake(CircuitLimit.Requests, out reached))
        {
            return false;
        }

        _destination = destination;
        return true;
    }

    /// <summary>The request waits for a connection from now on.</summary>
    /// <returns>False when too many do.</returns>
    public bool TryBeginPending(out CircuitLimit reached)
    {
        reached = CircuitLimit.None;
        return _isPending || (_isPending = Begun.Circuit.TryTake(CircuitLimit.PendingRequests, out reached));
    }

    /// <summary>The request waits no longer.</summary>
    public void EndPending()
    {
        if (_isPending)
        {
            _isPending = false;
            Begun.Circuit.Return(CircuitLimit.PendingRequests);
        }
    }

    /// <summary>
    /// The request is tried anew, from its decision to the end of that attempt, its back-off included. A retry before it is over.
    /// </summary>
    /// <returns>False when too many are.</returns>
    public bool TryBeginRetry(out CircuitLimit reached)
    {
        EndRetry();
        return _isRetrying = Begun.Circuit.TryTake(CircuitLimit.Retries, out reached);
    }

    /// <summary>An attempt at an endpoint begins: the next choice sees it. One that was under way is over, and says nothing.</summary>
    public void BeginAttempt(DestinationEndpoint endpoint)
    {
        ForgetAttempt();
        _attempted = endpoint;
        endpoint.CountBegun();
    }

    /// <summary>The attempt is over, and this is what became of it.</summary>
    /// <param name="result">As far as the endpoint's health is concerned.</param>
    /// <param name="latencyMs">How long its answer took, in milliseconds; ignored where there was none.</param>
    /// <param name="nowMs">The loop's milliseconds.</param>
    public void EndAttempt(AttemptResult result, long latencyMs, long nowMs)
    {
        if (_attempted is DestinationEndpoint endpoint)
        {
            ForgetAttempt();
            endpoint.Report(result, latencyMs, nowMs);
        }
    }

    /// <summary>The attempt is over, and says nothing of the endpoint: the client went away.</summary>
    public void ForgetAttempt()
    {
        if (_attempted is DestinationEndpoint endpoint)
        {
            _attempted = null;
            endpoint.CountEnded();
        }
    }

    /// <summary>The request is over: returns all that is taken. Safe when nothing is.</summary>
    public void End()
    {
        ForgetAttempt();
        EndPending();
        EndRetry();
        if (_destination is Destination destination)
        {
            _destination = null;
            destination.Circuit.Return(CircuitLimit.Requests);
        }
    }

    private Destination Begun => _destination ?? throw new InvalidOperationException("No request is under way.");

    private void EndRetry()
    {
        if (_isRetrying)
        {
            _isRetrying = false;
            Begun.Circuit.Return(CircuitLimit.Retries);
        }
    }
}
