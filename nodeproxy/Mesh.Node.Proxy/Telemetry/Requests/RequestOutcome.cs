namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>What tells series of requests between the same parties apart: the labels that are known at a request's end only.</summary>
/// <param name="IsGrpc">The label <c>request_protocol</c>: grpc or http.</param>
/// <param name="ResponseCode">0 without a response, or 100 to 599: what an upstream makes of it is bounded.</param>
/// <param name="GrpcStatus">0 to 16; -1 without.</param>
/// <param name="Flags">The label <c>response_flags</c>.</param>
internal readonly record struct RequestOutcome(bool IsGrpc, int ResponseCode, int GrpcStatus, ResponseFlag Flags)
{
    private const int CodeMin = 100;
    private const int CodeMax = 599;

    /// <summary>The outcome of a request that has ended.</summary>
    public static RequestOutcome Of(RequestRecord record) => new(
        record.IsGrpc,
        record.ResponseCode switch
        {
            < CodeMin => 0,

            // No such class of codes exists; clients read it as an error of the server (RFC 9110 §15).
            > CodeMax => CodeMax,
            int code => code,
        },
        record.GrpcStatus switch
        {
            < 0 => -1,
            > GrpcText.StatusMax => GrpcText.UnknownStatus,
            int status => status,
        },
        record.Flags);
}
