using Mesh.Interop.OpenSsl;

namespace Mesh.Node.Proxy.Origination;

/// <summary>What TLS towards servers outside the mesh is begun with.</summary>
/// <param name="Context">Ready to make sessions; null where what a rule says cannot be used.</param>
/// <param name="Fault">Why it cannot.</param>
internal sealed record OriginationContext(TlsContext? Context, string? Fault);
