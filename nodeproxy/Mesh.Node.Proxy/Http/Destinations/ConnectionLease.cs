namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>That a connection counts towards its destination, until it is disposed. Any thread; twice is once.</summary>
internal sealed class ConnectionLease(Circuit circuit) : IDisposable
{
    private Circuit? _circuit = circuit;

    public void Dispose() => Interlocked.Exchange(ref _circuit, null)?.Return(CircuitLimit.Connections);
}
