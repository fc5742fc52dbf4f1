namespace Mesh.Node.Proxy.Hbone;

/// <summary>How long a tunnel may take new connections: its two certificates vouch for whoever uses it.</summary>
internal static class CertificateTime
{
    /// <summary>
    /// The part of the time that is left when the side that opens streams goes over to a new tunnel, before the other side must.
    /// </summary>
    private const double Reserve = 0.1;

    /// <summary>For the side that opens streams.</summary>
    public static TimeSpan ForClient(DateTimeOffset ownNotAfter, DateTimeOffset peerNotAfter) =>
        Left(ownNotAfter, peerNotAfter) * (1 - Reserve);

    /// <summary>For the side that serves them.</summary>
    public static TimeSpan ForServer(DateTimeOffset ownNotAfter, DateTimeOffset peerNotAfter) => Left(ownNotAfter, peerNotAfter);

    private static TimeSpan Left(DateTimeOffset ownNotAfter, DateTimeOffset peerNotAfter)
    {
        DateTimeOffset first = ownNotAfter < peerNotAfter ? ownNotAfter : peerNotAfter;
        TimeSpan left = first - TimeProvider.System.GetUtcNow();
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
