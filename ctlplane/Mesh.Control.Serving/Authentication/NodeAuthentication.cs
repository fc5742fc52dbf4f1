using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Mesh.Control.Serving.Authentication;

/// <summary>
/// Stands before everything on the serving port: a call without a valid join token gets a gRPC status that says so, whatever it asked
/// for, and goes no further. Tokens are never logged.
/// </summary>
public sealed partial class NodeAuthentication(RequestDelegate next, JoinTokens tokens, ILogger<NodeAuthentication> logger)
{
    private const string Scheme = "Bearer ";

    /// <summary><see cref="StatusCode.Unauthenticated"/>, as it is written on the wire.</summary>
    private const string UnauthenticatedCode = "16";

    public Task InvokeAsync(HttpContext context)
    {
        // Exactly one credential: of two, somebody would have to choose.
        if (context.Request.Headers[HeaderNames.Authorization] is not [{ } header]
            || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return RefuseAsync(context, "No bearer token. Send the node's join token as 'authorization: Bearer <token>'.");
        }

        if (!tokens.TryRecognise(header.AsSpan(Scheme.Length).Trim(), out NodeCaller? caller))
        {
            return RefuseAsync(
                context, "The join token is not valid here: unknown or revoked. Create one with 'mesh-control token create'.");
        }

        context.Features.Set(caller);
        return next(context);
    }

    /// <summary>Who makes this call.</summary>
    public static NodeCaller CallerOf(ServerCallContext context) =>
        context.GetHttpContext().Features.Get<NodeCaller>()
        ?? throw new InvalidOperationException("A call came past the authentication.");

    private Task RefuseAsync(HttpContext context, string reason)
    {
        Refused(logger, context.Connection.RemoteIpAddress, context.Request.Path);
        ServingMetrics.CallsRefused.Add(1);

        // A response of headers alone ("trailers only"): how gRPC says that a call failed before it began.
        context.Response.StatusCode = StatusCodes.Status200OK;
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = UnauthenticatedCode;
        context.Response.Headers["grpc-message"] = Uri.EscapeDataString(reason);
        return Task.CompletedTask;
    }

    [LoggerMessage(EventId = 1001, Level = LogLevel.Warning, Message = "Refused {Address}: no valid join token for {Path}.")]
    private static partial void Refused(ILogger logger, System.Net.IPAddress? address, PathString path);
}
