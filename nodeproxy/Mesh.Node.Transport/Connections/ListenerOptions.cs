using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;

namespace Mesh.Node.Transport.Connections;

/// <summary>How connections are accepted.</summary>
public sealed record ListenerOptions
{
    /// <summary>What each accepted connection is held to.</summary>
    public ConnectionOptions Connections { get; init; } = new();

    /// <summary>TLS that each connection begins with; null for plain TCP.</summary>
    public ListenerTls? Tls { get; init; }

    /// <summary>Length of the kernel's queue.</summary>
    public int Backlog { get; init; } = 4_096;

    /// <summary>Connections accepted and not taken; further ones wait in the kernel's queue.</summary>
    public int ReadyMax { get; init; } = 256;

    /// <summary>Told when a connection could not be accepted or begun. Accepting goes on by itself. Loop thread.</summary>
    public Action<Errno>? AcceptFailed { get; init; }
}

/// <summary>The server's side of TLS. Handshakes count towards the loop's <see cref="EventLoops.HandshakeGate"/>.</summary>
/// <param name="Context">Our identity.</param>
/// <param name="Verifier">Asked within each handshake whether the peer is who it should be.</param>
/// <param name="HandshakeLimit">Time for a handshake; whoever takes longer is reset.</param>
public sealed record ListenerTls(TlsContext Context, IPeerVerifier Verifier, TimeSpan HandshakeLimit);
