namespace Mesh.Node.Proxy.Hbone;

/// <summary>What every tunnel is held to, in either role.</summary>
internal sealed record TunnelOptions
{
    /// <summary>Time from one PING to the next, whatever else is sent and received; as ztunnel.</summary>
    public required TimeSpan PingInterval { get; init; }

    /// <summary>Time for its answer, from when it was sent.</summary>
    public required TimeSpan PingTimeout { get; init; }

    /// <summary>Time without a stream after which the tunnel is closed with GOAWAY.</summary>
    public required TimeSpan IdleRelease { get; init; }

    /// <summary>Plaintext bytes read from a tunnel in one turn before other connections get theirs.</summary>
    public int BytesPerTurnMax { get; init; } = 512 * 1024;

    /// <summary>
    /// Stream events (headers, data) of a tunnel in one turn after which other connections get theirs: each may cost a system call, and
    /// one read may hold thousands.
    /// </summary>
    public int EventsPerTurnMax { get; init; } = 1_024;
}
