using Mesh.Node.Proxy.Http.Clients;
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
}
