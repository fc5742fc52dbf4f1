using System.Net.Sockets;
using System.Security.Authentication;
using Grpc.Core;

namespace Mesh.Node.Proxy.Config;

/// <summary>
/// Says in words what kept this node from its control plane: exceptions of clients wrap the cause in layers that say nothing.
/// </summary>
internal static class ControlPlaneFailure
{
    /// <summary>The cause, as part of a sentence.</summary>
    public static string Describe(Exception exception)
    {
        string? timedOut = null;
        for (Exception? inner = exception; inner is not null; inner = Below(inner))
        {
            switch (inner)
            {
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData } unknown:
                    return $"its name cannot be resolved ({unknown.Message})";
                case SocketException socket:
                    return $"the connection failed: {socket.Message}";
                case AuthenticationException tls:
                    return $"TLS failed: {tls.Message}";
                case TimeoutException:
                    timedOut = inner.Message;
                    break;
            }
        }

        return (timedOut, exception) switch
        {
            (not null, _) => $"timed out: {timedOut}",
            (_, RpcException rpc) => $"{rpc.StatusCode}: {rpc.Status.Detail}",
            (_, OperationCanceledException) => "timed out",
            _ => exception.Message,
        };
    }

    private static Exception? Below(Exception exception) =>
        exception is RpcException { Status.DebugException: Exception cause } ? cause : exception.InnerException;
}
