using Mesh.Node.Proxy.Telemetry;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>What came of asking for a way to an upstream.</summary>
/// <param name="Exchange">Ready to be begun; null without one.</param>
/// <param name="IsReused">Whether its connection has served another request: its server may just be closing it.</param>
/// <param name="Reason">Why there is none.</param>
/// <param name="Detail">What a reader needs beyond the reason.</param>
internal readonly record struct UpstreamResult(UpstreamExchange? Exchange, bool IsReused, CloseReason Reason, string? Detail);

/// <summary>What came of making a connection.</summary>
/// <param name="Connection">Ready to carry bytes; null without one.</param>
/// <param name="Reason">Why there is none.</param>
/// <param name="Detail">What a reader needs beyond the reason.</param>
internal readonly record struct DialResult(ConnectionContext? Connection, CloseReason Reason, string? Detail);
