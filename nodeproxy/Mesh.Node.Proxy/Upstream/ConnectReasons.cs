using Mesh.Interop.Linux;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Channels;

namespace Mesh.Node.Proxy.Upstream;

/// <summary>Names what a failed connect means.</summary>
internal static class ConnectReasons
{
    public static CloseReason ReasonFor(ConnectStatus status, Errno error) => (status, error) switch
    {
        (ConnectStatus.TimedOut, _) or (_, Errno.ETIMEDOUT) => CloseReason.ConnectTimeout,
        (_, Errno.ECONNREFUSED) => CloseReason.ConnectRefused,
        (_, Errno.ENETUNREACH or Errno.EHOSTUNREACH) => CloseReason.ConnectUnreachable,
        (_, Errno.EMFILE or Errno.ENFILE) => CloseReason.OutOfDescriptors,
        (_, Errno.EADDRNOTAVAIL) => CloseReason.SourcePortsExhausted,
        _ => CloseReason.ConnectFailed,
    };

    /// <summary>What an answer stands for that came, or did not, from a tunnel that works.</summary>
    public static CloseReason ReasonFor(ConnectAnswer answer) => (answer.Kind, answer.Status) switch
    {
        (ConnectAnswerKind.TimedOut, _) => CloseReason.ConnectTimeout,
        (ConnectAnswerKind.Aborted, _) => CloseReason.UpstreamReset,
        (_, ConnectStatusCode.Denied) => CloseReason.TunnelDenied,
        (_, ConnectStatusCode.BadRequest) => CloseReason.TunnelBadRequest,
        (_, ConnectStatusCode.Unavailable) => CloseReason.TunnelUnavailable,
        _ => CloseReason.TunnelUnexpectedStatus,
    };
}
