namespace Mesh.Interop.OpenSsl;

/// <summary>The server a session is opened to, for sessions with servers outside the mesh.</summary>
/// <param name="Indicated">The host that is asked for (SNI), at most 255 ASCII characters; null to ask for none, as for an address.</param>
/// <param name="Accepted">
/// DNS names, addresses or URIs: the server's certificate must be for one of them. With none of them every certificate is refused, unless
/// its context verifies nothing.
/// </param>
public sealed record TlsServerName(string? Indicated, IReadOnlyList<string> Accepted);
