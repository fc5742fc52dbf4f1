using System.Buffers;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Http.Exchanges;

/// <summary>An answer the proxy makes itself. Immutable; any thread.</summary>
/// <param name="Status">The status for a client that speaks HTTP.</param>
/// <param name="GrpcStatus">The status for a client that speaks gRPC.</param>
/// <param name="Flag">What befell the request.</param>
/// <param name="Details">Why, in Envoy's words.</param>
/// <param name="Text">Says it to people. Nothing of the mesh is told by it.</param>
internal sealed record LocalAnswer(int Status, int GrpcStatus, ResponseFlag Flag, string Details, string Text)
{
    private const int GrpcUnknown = 2;
    private const int GrpcDeadlineExceeded = 4;
    private const int GrpcPermissionDenied = 7;
    private const int GrpcResourceExhausted = 8;
    private const int GrpcUnimplemented = 12;
    private const int GrpcInternal = 13;
    private const int GrpcUnavailable = 14;

    private readonly byte[] _text = Encoding.UTF8.GetBytes(Text);
    private readonly byte[] _grpcStatus = Encoding.ASCII.GetBytes(GrpcStatus.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>The client is told what token it should have had.</summary>
    public bool IsChallenge { get; init; }

    /// <summary>The client is told that a limit refused it, so that it does not repeat the request at once.</summary>
    public bool IsRateLimited { get; init; }

    /// <summary>The text as it is sent.</summary>
    public ReadOnlySequence<byte> Content => new(Body ?? _text);

    /// <summary>What is sent in the text's place to clients that speak HTTP; null for the text.</summary>
    public byte[]? Body { get; init; }

    /// <summary>Fields of the answer; null for none besides the usual.</summary>
    public HeaderList? Fields { get; init; }

    public static LocalAnswer NoRoute { get; } =
        new(404, GrpcUnimplemented, ResponseFlag.NoRouteFound, ResponseDetails.RouteNotFound, "no route matches the request");

    public static LocalAnswer NoDestination { get; } =
        new(503, GrpcUnavailable, ResponseFlag.NoClusterFound, ResponseDetails.ClusterNotFound, "the route's destination does not exist");

    /// <summary>
    /// A share that its route keeps leads nowhere (Gateway API: 500 to the client of an HTTPRoute, UNAVAILABLE to that of a GRPCRoute).
    /// </summary>
    public static LocalAnswer NoBackend { get; } =
        new(500, GrpcUnavailable, ResponseFlag.NoClusterFound, ResponseDetails.ClusterNotFound, "the route's backend does not exist");

    public static LocalAnswer NotInRegistry { get; } =
        new(502, GrpcUnavailable, ResponseFlag.None, ResponseDetails.DirectResponse, "the destination is not known to the mesh");

    public static LocalAnswer NameNotResolved { get; } = new(
        503,
        GrpcUnavailable,
        ResponseFlag.DnsResolutionFailed,
        ResponseDetails.DnsResolutionFailure,
        "no address of the upstream's name has been found");

    public static LocalAnswer NoEndpoint { get; } =
        new(503, GrpcUnavailable, ResponseFlag.NoHealthyUpstream, ResponseDetails.NoHealthyUpstream, "no healthy upstream");

    public static LocalAnswer ConnectFailed { get; } = new(
        503,
        GrpcUnavailable,
        ResponseFlag.UpstreamConnectionFailure,
        ResponseDetails.ResetByConnectionFailure,
        "no connection to the upstream came to be");

    public static LocalAnswer ConnectTimedOut { get; } = new(
        503,
        GrpcUnavailable,
        ResponseFlag.UpstreamConnectionFailure,
        ResponseDetails.ResetByConnectionTimeout,
        "no connection to the upstream came to be in time");

    public static LocalAnswer UpstreamClosed { get; } = new(
        503,
        GrpcUnavailable,
        ResponseFlag.UpstreamConnectionTermination,
        ResponseDetails.ResetByConnectionTermination,
        "the upstream ended the connection before it answered");

    public static LocalAnswer UpstreamReset { get; } = new(
        503,
        GrpcUnavailable,
        ResponseFlag.UpstreamRemoteReset,
        ResponseDetails.ResetByUpstream,
        "the upstream reset the request before it answered");

    public static LocalAnswer UpstreamRefused { get; } = new(
        503,
        GrpcUnavailable,
        ResponseFlag.UpstreamRemoteReset,
        ResponseDetails.RefusedByUpstream,
        "the upstream refused the request");

    public static LocalAnswer UpstreamMalformed { get; } = new(
        502,
        GrpcInternal,
        ResponseFlag.UpstreamProtocolError,
        ResponseDetails.ResetByProtocolError,
        "the upstream's answer is not well formed");

    public static LocalAnswer TimedOut { get; } = new(
        504,
        GrpcDeadlineExceeded,
        ResponseFlag.UpstreamRequestTimeout,
        ResponseDetails.ResponseTimeout,
        "the upstream did not answer in time");

    public static LocalAnswer AttemptTimedOut { get; } = new(
        504,
        GrpcDeadlineExceeded,
        ResponseFlag.UpstreamRequestTimeout,
        ResponseDetails.PerTryTimeout,
        "the upstream did not answer in time");

    public static LocalAnswer Overflow { get; } = new(
        503, GrpcUnavailable, ResponseFlag.UpstreamOverflow, ResponseDetails.ResetByOverflow, "a limit of the destination is reached");

    public static LocalAnswer Denied { get; } =
        new(403, GrpcPermissionDenied, ResponseFlag.None, ResponseDetails.AccessDenied, "RBAC: access denied");

    public static LocalAnswer RateLimited { get; } =
        new(429, GrpcResourceExhausted, ResponseFlag.RateLimited, ResponseDetails.RateLimited, "local_rate_limited")
        {
            IsRateLimited = true,
        };

    public static LocalAnswer Unsayable { get; } = new(
        400, GrpcInternal, ResponseFlag.DownstreamProtocolError, ResponseDetails.ResetByProtocolError, "the request cannot be passed on");

    public static LocalAnswer BadPath { get; } = new(
        400, GrpcInternal, ResponseFlag.DownstreamProtocolError, ResponseDetails.PathNormalizationFailed, "the path is not well formed");

    public static LocalAnswer RewrittenTooLong { get; } = new(
        414, GrpcInternal, ResponseFlag.DownstreamProtocolError, ResponseDetails.RewrittenTooLong, "the route makes the path too long");

    public static LocalAnswer Malformed { get; } = new(
        400, GrpcInternal, ResponseFlag.DownstreamProtocolError, ResponseDetails.ResetByProtocolError, "the content is not well formed");

    public static LocalAnswer ContentTooLarge { get; } = new(
        413,
        GrpcResourceExhausted,
        ResponseFlag.None,
        ResponseDetails.PayloadTooLarge,
        "the content is larger than an authorizer may be told");

    public static LocalAnswer Overloaded { get; } = new(
        503, GrpcUnavailable, ResponseFlag.OverloadManager, ResponseDetails.Overload, "the proxy cannot hold more content");

    /// <summary>The answer to a request about which an authorizer has not answered.</summary>
    public static LocalAnswer AuthorizerFailed(int status) => new(
        status,
        GrpcOf(status),
        ResponseFlag.UnauthorizedExternalService,
        ResponseDetails.ExternalAuthorizationFailed,
        "external authorization is not to be had");

    /// <summary>The answer to a request that an authorizer has denied, in the authorizer's words.</summary>
    /// <param name="status">200 to 599.</param>
    /// <param name="fields">Its fields.</param>
    /// <param name="body">Its content.</param>
    public static LocalAnswer DeniedByAuthorizer(int status, HeaderList fields, byte[] body) => new(
        status,
        GrpcOf(status),
        ResponseFlag.UnauthorizedExternalService,
        ResponseDetails.ExternallyDenied,
        "denied by external authorization")
    {
        Body = body,
        Fields = fields,
    };

    /// <summary>The answer to a request that a fault rule ends.</summary>
    public static LocalAnswer Fault(int? status, int? grpcStatus) => new(
        status ?? 200, grpcStatus ?? GrpcOf(status ?? 200), ResponseFlag.FaultInjected, ResponseDetails.FaultAbort, "fault filter abort");

    /// <summary>Fills in the head of this answer.</summary>
    /// <param name="head">Replaced.</param>
    /// <param name="isGrpc">The client speaks gRPC: it is told in trailers alone (gRPC over HTTP/2, "Trailers-Only").</param>
    public void Write(ResponseHead head, bool isGrpc)
    {
        head.Clear();
        if (IsRateLimited)
        {
            head.Fields.Add("x-envoy-ratelimited"u8, "true"u8);
        }

        if (isGrpc)
        {
            head.Status = 200;
            head.Body = BodyFraming.OfLength(0);
            head.Fields.Add("content-type"u8, "application/grpc"u8);
            head.Fields.Add("grpc-status"u8, _grpcStatus);
            head.Fields.Add("grpc-message"u8, Body is null ? _text : GrpcText.MessageOf(Body));
            AddFields(head.Fields);
            return;
        }

        head.Status = Status;
        head.Body = Status is 204 or 304 ? BodyFraming.None : BodyFraming.OfLength(Content.Length);
        AddFields(head.Fields);
        if (!Content.IsEmpty && head.Fields.IndexOf("content-type"u8) < 0)
        {
            head.Fields.Add("content-type"u8, "text/plain"u8);
        }
    }

    private void AddFields(HeaderList fields)
    {
        int ownCount = fields.Count;
        for (int i = 0; i < Fields?.Count; i++)
        {
            HeaderField field = Fields[i];
            int at = fields.IndexOf(field.Name);
            if (at < 0 || at >= ownCount)
            {
                fields.Add(field.Name, field.Value);
            }
        }
    }

    /// <summary>What a status of HTTP is to a client that speaks gRPC.</summary>
    private static int GrpcOf(int status) => status switch
    {
        400 => GrpcInternal,
        401 => 16,
        403 => GrpcPermissionDenied,
        404 => GrpcUnimplemented,
        429 => GrpcResourceExhausted,
        502 or 503 or 504 => GrpcUnavailable,
        _ => GrpcUnknown,
    };
}
