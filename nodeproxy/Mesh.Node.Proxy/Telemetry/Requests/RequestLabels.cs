using System.Globalization;
using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>The labels of istio's metrics of requests. None takes its value from what a client sent.</summary>
internal sealed class RequestLabels(RequestSeriesKey key, bool withLocality) : IstioLabels(key.Parties, s_names, withLocality)
{
    private static readonly string[] s_names = NamesWith(
        "request_protocol", "response_code", "grpc_response_status", "response_flags", "connection_security_policy");

    // Made once: a scrape asks for them dozens of times.
    private readonly string _responseCode = key.Outcome.ResponseCode.ToString(CultureInfo.InvariantCulture);
    private readonly string _flags = ResponseFlagTexts.Of(key.Outcome.Flags);
    private readonly string _grpcStatus =
        key.Outcome.GrpcStatus < 0 ? "" : key.Outcome.GrpcStatus.ToString(CultureInfo.InvariantCulture);

    private readonly string _securityPolicy = (key.Parties.IsSourceReporter, key.Parties.IsMutualTls) switch
    {
        (true, _) => Unknown,
        (false, true) => "mutual_tls",
        (false, false) => "none",
    };

    private readonly bool _isGrpc = key.Outcome.IsGrpc;

    /// <summary>The labels of the overflow series.</summary>
    public static LabelSet OfOverflow(bool withLocality) => OverflowOf(s_names, withLocality, static name => name switch
    {
        // Numbers to whoever reads them.
        "response_code" => "0",
        "grpc_response_status" => "",
        _ => null,
    });

    /// <inheritdoc />
    protected override string? Own(string name) => name switch
    {
        "request_protocol" => _isGrpc ? "grpc" : "http",
        "response_code" => _responseCode,
        "grpc_response_status" => _grpcStatus,
        "response_flags" => _flags,
        "connection_security_policy" => _securityPolicy,
        _ => null,
    };
}
