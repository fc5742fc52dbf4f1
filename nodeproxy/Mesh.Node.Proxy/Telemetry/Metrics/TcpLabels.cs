namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>The labels of istio's TCP metrics.</summary>
internal sealed class TcpLabels(PartiesKey key, ResponseFlags flags, bool withLocality) : IstioLabels(key, s_names, withLocality)
{
    private static readonly string[] s_names = NamesWith("request_protocol", "response_flags", "connection_security_policy");

    private readonly bool _isMutualTls = key.IsMutualTls;

    /// <summary>The labels of the overflow series.</summary>
    public static LabelSet OfOverflow(ResponseFlags flags, bool withLocality) =>
        OverflowOf(s_names, withLocality, name => name == "connection_security_policy" ? null : Own(name, flags, isMutualTls: false));

    /// <inheritdoc />
    protected override string? Own(string name) => Own(name, flags, _isMutualTls);

    private static string? Own(string name, ResponseFlags flags, bool isMutualTls) => name switch
    {
        "request_protocol" => "tcp",
        "response_flags" => CloseReasons.Text(flags),
        "connection_security_policy" => isMutualTls ? "mutual_tls" : Unknown,
        _ => null,
    };
}
