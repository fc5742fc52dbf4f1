using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Upstream;

/// <summary>A tunnel with room for a stream, or why there is none.</summary>
internal readonly record struct TunnelOpenResult(TunnelConnection? Tunnel, CloseReason Reason, string? Detail);
