using System.Diagnostics.Metrics;

namespace Mesh.Control.Serving;

/// <summary>The control plane's own figures. Labels take their values from closed sets only.</summary>
public static class ServingMetrics
{
    public const string MeterName = "Mesh.Control";

    private static readonly Meter s_meter = new(MeterName);

    private static long s_authorityExpiresAtUnixSeconds;
    private static Func<int>? s_countBehind;

    /// <summary>Calls without a valid token.</summary>
    public static readonly Counter<long> CallsRefused = s_meter.CreateCounter<long>("mesh.control.calls.refused");

    /// <summary>Discovery streams open now.</summary>
    public static readonly UpDownCounter<long> ProxiesConnected = s_meter.CreateUpDownCounter<long>("mesh.control.proxies.connected");

    /// <summary>Discovery responses sent, by <c>type</c>.</summary>
    public static readonly Counter<long> Pushes = s_meter.CreateCounter<long>("mesh.control.pushes");

    /// <summary>Resources in those responses, removals included, by <c>type</c>.</summary>
    public static readonly Counter<long> ResourcesPushed = s_meter.CreateCounter<long>("mesh.control.resources.pushed");

    /// <summary>Acknowledgements, by <c>type</c>.</summary>
    public static readonly Counter<long> Acknowledged = s_meter.CreateCounter<long>("mesh.control.acknowledged");

    /// <summary>Refusals by proxies, by <c>type</c>.</summary>
    public static readonly Counter<long> Rejected = s_meter.CreateCounter<long>("mesh.control.rejected");

    /// <summary>From a published change to its acknowledgement.</summary>
    public static readonly Histogram<double> PushDuration = s_meter.CreateHistogram<double>("mesh.control.push.duration", "s");

    public static readonly Counter<long> CertificatesIssued = s_meter.CreateCounter<long>("mesh.control.certificates.issued");

    /// <summary>Requests the CA turned down, by <c>reason</c>.</summary>
    public static readonly Counter<long> CertificatesRefused = s_meter.CreateCounter<long>("mesh.control.certificates.refused");

    /// <summary>Translations of the configuration.</summary>
    public static readonly Counter<long> ConfigurationsPublished = s_meter.CreateCounter<long>("mesh.control.configurations.published");

    /// <summary>
    /// Discovery streams whose proxy refuses something, or has left a response unanswered for 30 s: their nodes run an older configuration.
    /// </summary>
    public static readonly ObservableGauge<int> ProxiesBehind =
        s_meter.CreateObservableGauge("mesh.control.proxies.behind", () => Volatile.Read(ref s_countBehind)?.Invoke() ?? 0);

    /// <summary>Counts <see cref="ProxiesBehind"/>.</summary>
    public static Func<int>? CountBehind
    {
        set => Volatile.Write(ref s_countBehind, value);
    }

    /// <summary>Until the certificate that signs expires.</summary>
    public static readonly ObservableGauge<double> AuthorityExpiry =
        s_meter.CreateObservableGauge("mesh.control.authority.expiry", ObserveAuthorityExpiry, "s");

    /// <summary>What <see cref="AuthorityExpiry"/> counts down to.</summary>
    public static DateTimeOffset AuthorityExpiresAt
    {
        set => Volatile.Write(ref s_authorityExpiresAtUnixSeconds, value.ToUnixTimeSeconds());
    }

    private static IEnumerable<Measurement<double>> ObserveAuthorityExpiry()
    {
        long expiresAt = Volatile.Read(ref s_authorityExpiresAtUnixSeconds);
        return expiresAt == 0 ? [] : [new Measurement<double>(expiresAt - TimeProvider.System.GetUtcNow().ToUnixTimeSeconds())];
    }
}
