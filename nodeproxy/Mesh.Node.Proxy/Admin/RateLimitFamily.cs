using System.Globalization;
using Mesh.Node.Proxy.Enforcement.Limits;
using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Admin;

/// <summary>What came of limits on requests. A sample for each limit and outcome: their number is that of what is configured.</summary>
internal sealed class RateLimitFamily(IRateLimitLister limits) : MetricFamily(
    "mesh_rate_limited_requests_total", MetricType.Counter, "Requests that counted towards a limit, by what became of them.")
{
    /// <summary>Limits of which the metrics tell; of further ones, in the order of their policies' names, they do not.</summary>
    private const int LimitsMax = 1_000;

    public override IEnumerable<Sample> Collect() => limits.List().Take(LimitsMax).SelectMany(limit =>
    {
        string index = limit.Index.ToString(CultureInfo.InvariantCulture);
        return (Sample[])
        [
            new Sample(LabelSet.Of(("policy", limit.Policy), ("limit", index), ("outcome", "passed")), limit.Passed),
            new Sample(LabelSet.Of(("policy", limit.Policy), ("limit", index), ("outcome", "refused")), limit.Refused),
        ];
    });
}
