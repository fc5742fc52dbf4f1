using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Http2;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Http;

/// <summary>Names what the end of a client's connection means.</summary>
internal static class HttpReasons
{
    /// <summary>The reason; <see cref="CloseReason.ClientReset"/> where the connection ended and nothing more is known.</summary>
    public static CloseReason ReasonFor(Http1ClientEnd end) => end switch
    {
        Http1ClientEnd.Completed => CloseReason.Completed,
        Http1ClientEnd.Refused => CloseReason.HttpRequestRefused,
        Http1ClientEnd.HeadTimeout => CloseReason.HttpHeadTimeout,
        Http1ClientEnd.Aborted => CloseReason.HttpResponseCut,
        _ => CloseReason.ClientReset,
    };

    /// <inheritdoc cref="ReasonFor(Http1ClientEnd)"/>
    public static CloseReason ReasonFor(Http2SessionEnd end) => end switch
    {
        Http2SessionEnd.Completed => CloseReason.Completed,
        Http2SessionEnd.Idle => CloseReason.IdleTimeout,
        Http2SessionEnd.ProtocolError => CloseReason.Http2ProtocolError,
        Http2SessionEnd.Flood => CloseReason.Http2FloodRefused,
        Http2SessionEnd.HeadTimeout => CloseReason.HttpHeadTimeout,
        _ => CloseReason.ClientReset,
    };
}
