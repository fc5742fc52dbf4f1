using System.Globalization;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads LocalityLoadBalancerSetting, of which what is near goes first; the rest is checked and named.</summary>
internal static class LocalityReader
{
    private const int WeightsSum = 100;

    private static readonly string[] s_fields = ["distribute", "enabled", "failover", "failoverPriority"];
    private static readonly string[] s_distributeFields = ["from", "to"];
    private static readonly string[] s_failoverFields = ["from", "to"];

    /// <param name="balancer">The load balancer.</param>
    /// <param name="hasOutliers">Whether endpoints are ejected, without which none fails over.</param>
    /// <returns>Whether what is near goes first; null where nothing is said.</returns>
    public static bool? Read(FieldReader balancer, bool hasOutliers)
    {
        if (balancer.Has("zoneAwareLbSetting"))
        {
            if (balancer.Has("localityLbSetting"))
            {
                balancer.Error("zoneAwareLbSetting", "It does not go with localityLbSetting.");
            }
            else
            {
                balancer.Warning("zoneAwareLbSetting", "Balancing by zones is not supported and has no effect.");
            }
        }

        if (balancer.Section("localityLbSetting") is not { } locality)
        {
            return null;
        }

        locality.RefuseUnknown("localityLbSetting", s_fields);
        string[] ways = [.. ((string[])["distribute", "failover", "failoverPriority"]).Where(locality.Has)];
        if (ways.Length > 1)
        {
            locality.Error(ways[1], $"It does not go with {ways[0]}.");
        }

        CheckDistribution(locality);
        foreach (FieldReader failover in locality.Sections("failover"))
        {
            failover.RefuseUnknown("failover", s_failoverFields);
        }

        foreach (string way in ways)
        {
            locality.Warning(way, $"{way} is not supported; endpoints are near by region, zone and subzone alone.");
        }

        if (!hasOutliers && ways is ["failover" or "failoverPriority"])
        {
            balancer.Warning("localityLbSetting", "Without outlierDetection nothing fails over.");
        }

        return locality.Flag("enabled") ?? true;
    }

    private static void CheckDistribution(FieldReader locality)
    {
        foreach (FieldReader distribution in locality.Sections("distribute"))
        {
            distribution.RefuseUnknown("distribute", s_distributeFields);
            if (distribution.Section("to") is not { } to)
            {
                continue;
            }

            int sum = to.Entries.Sum(entry => to.Integer(entry.Key, 0, WeightsSum) ?? 0);
            if (sum != WeightsSum)
            {
                distribution.Error(
                    "to", string.Create(CultureInfo.InvariantCulture, $"The weights are {sum} together, and not {WeightsSum}."));
            }
        }
    }
}
