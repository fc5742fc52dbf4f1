using OpenTelemetry.Exporter;

namespace Mesh.Node.Proxy.Telemetry.Otlp;

/// <summary>Where metrics are pushed and in which of OTLP's two forms.</summary>
/// <param name="Address">The collector.</param>
/// <param name="Protocol">gRPC, or protobuf over HTTP where the address has the path <c>/v1/metrics</c>.</param>
internal sealed record OtlpEndpoint(Uri Address, OtlpExportProtocol Protocol)
{
    private const string HttpPath = "/v1/metrics";

    /// <summary>Reads <see cref="TelemetryOptions.OtlpEndpoint"/>.</summary>
    /// <exception cref="FormatException">It is no such address; the message names the key.</exception>
    public static OtlpEndpoint Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? address)
            || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps)
            || address.Query.Length > 0
            || address.UserInfo.Length > 0)
        {
            throw Malformed(text);
        }

        return address.AbsolutePath.TrimEnd('/') switch
        {
            "" => new OtlpEndpoint(address, OtlpExportProtocol.Grpc),
            HttpPath => new OtlpEndpoint(address, OtlpExportProtocol.HttpProtobuf),
            _ => throw Malformed(text),
        };
    }

    private static FormatException Malformed(string text) =>
        new($"telemetry.otlpEndpoint: '{text}' is not like http://host:4317 (gRPC) or http://host:4318{HttpPath} (HTTP).");
}
