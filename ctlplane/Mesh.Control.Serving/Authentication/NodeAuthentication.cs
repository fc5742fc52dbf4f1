using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Net.Http.Headers;

namespace Mesh.Control.Serving.Authentication;

/// <summary>
/// Stands before everything on the serving port: a call without a valid token gets a gRPC status that says so, whatever it asked for, and
/// goes no further. Tokens are never logged.
/// </summary>
/// <param name="next">What is behind.</param>
/// <param name="tokens">The nodes' own.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Says who is refused.</param>
/// <param name="others">Those of the cluster; null where there is none.</param>
public sealed partial class NodeAuthentication(
    RequestDelegate next, JoinTokens tokens, TimeProvider time, ILogger<NodeAuthentication> logger, INodeTokens? others = null)
{
    /// <summary>A refusal is logged this often at most: whoever has no token must not fill the disk. All are counted.</summary>
    private static readonly TimeSpan s_logInterval = TimeSpan.FromMilliseconds(100);

    private const string Scheme = "Bearer ";

    /// <summary><see cref="StatusCode.Unauthenticated"/>, as it is written on the wire.</summary>
    private const string UnauthenticatedCode = "16";

    /// <summary><see cref="StatusCode.Unavailable"/>.</summary>
    private const string UnavailableCode = "14";

    private long _loggedAt;
    private long _unlogged;

    public async Task InvokeAsync(HttpContext context)
    {
        // Exactly one credential: of two, somebody would have to choose.
        if (context.Request.Headers[HeaderNames.Authorization] is not [{ } header]
            || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            Refuse(context, UnauthenticatedCode, "No bearer token. Send the node's token as 'authorization: Bearer <token>'.");
            return;
        }

        string token = header[Scheme.Length..].Trim();
        if (!tokens.TryRecognise(token, out NodeCaller? caller))
        {
            RecognisedToken other = others is null || JoinTokenText.IsOne(token)
                ? RecognisedToken.Refused(
                    "The join token is not valid here: unknown or revoked. Create one with 'mesh-control token create'.")
                : await others.RecogniseAsync(token, context.Connection.RemoteIpAddress, context.RequestAborted);
            caller = other.Caller;
            if (caller is null)
            {
                Refuse(context, other.IsUnavailable ? UnavailableCode : UnauthenticatedCode, other.Problem);
                return;
            }
        }

        context.Features.Set(caller);
        await next(context);
    }

    /// <summary>Who makes this call.</summary>
    public static NodeCaller CallerOf(ServerCallContext context) =>
        context.GetHttpContext().Features.Get<NodeCaller>()
        ?? throw new InvalidOperationException("A call came past the authentication.");

    private void Refuse(HttpContext context, string code, string reason)
    {
        Log(context);
        ServingMetrics.CallsRefused.Add(1);

        // A response of headers alone ("trailers only"): how gRPC says that a call failed before it began.
        context.Response.StatusCode = StatusCodes.Status200OK;
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = code;
        context.Response.Headers["grpc-message"] = Uri.EscapeDataString(reason);
    }

    private void Log(HttpContext context)
    {
        long now = time.GetTimestamp();
        long last = Volatile.Read(ref _loggedAt);
        if ((last == 0 || time.GetElapsedTime(last, now) >= s_logInterval) && Interlocked.CompareExchange(ref _loggedAt, now, last) == last)
        {
            Refused(logger, context.Connection.RemoteIpAddress, context.Request.Path, Interlocked.Exchange(ref _unlogged, 0));
            return;
        }

        Interlocked.Increment(ref _unlogged);
    }

    [LoggerMessage(
        EventId = 1001,
        Level = LogLevel.Warning,
        Message = "Refused {Address}: no valid token for {Path}. {Unlogged} more have been refused since the line before.")]
    private static partial void Refused(ILogger logger, System.Net.IPAddress? address, PathString path, long unlogged);
}
