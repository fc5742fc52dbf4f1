using System.Globalization;
using System.Text;
using System.Text.Json;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Proxy.Http.Destinations;

namespace Mesh.Node.Proxy.Admin;

/// <summary>What the node remembers of destinations: circuits against their limits, and endpoints with their ejections.</summary>
internal static class DestinationDump
{
    /// <summary>One line for the circuit of each destination, and one for each of its endpoints.</summary>
    public static IEnumerable<string> TextOf(IReadOnlyList<DestinationStatus> destinations)
    {
        foreach (DestinationStatus destination in destinations)
        {
            string name = NameOf(destination);
            StringBuilder circuit = new(name);
            circuit.Append(destination.Circuit.Any(limit => limit.IsOpen) ? "::circuit=open" : "::circuit=closed");
            foreach (CircuitStatus limit in destination.Circuit)
            {
                string max = limit.Max == uint.MaxValue ? "unlimited" : limit.Max.ToString(CultureInfo.InvariantCulture);
                circuit.Append(CultureInfo.InvariantCulture, $"::{Word(limit.Limit)}={limit.Count}/{max}");
                circuit.Append(CultureInfo.InvariantCulture, $"::{Word(limit.Limit)}_overflows={limit.OverflowsTotal}");
            }

            yield return circuit.Append('\n').ToString();
            foreach (DestinationEndpointStatus endpoint in destination.Endpoints)
            {
                string outlier = endpoint.Ejected is EjectionCause cause
                    ? $"ejected::health_flags={FlagsOf(endpoint)}::cause={Word(cause)}::ejected_for_ms={endpoint.EjectedForMs}"
                    : $"healthy::health_flags={FlagsOf(endpoint)}";
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{name}::endpoint={endpoint.Workload}::outlier={outlier}::active={endpoint.Active}"
                    + $"::requests={endpoint.RequestsTotal}::successes={endpoint.SuccessesTotal}"
                    + $"::success_rate={endpoint.IntervalSuccessRate:0.####}\n");
            }
        }
    }

    /// <summary>The same as an array of objects.</summary>
    public static async Task WriteJsonAsync(JsonPage json, IReadOnlyList<DestinationStatus> destinations)
    {
        Utf8JsonWriter writer = json.Writer;
        writer.WriteStartArray("destinations");
        foreach (DestinationStatus destination in destinations)
        {
            writer.WriteStartObject();
            writer.WriteString("service", destination.Service);
            writer.WriteNumber("port", destination.Port);
            json.Optional("subset", destination.Subset);
            json.Optional("clientNamespace", destination.ClientNamespace);
            writer.WriteStartObject("circuit");
            foreach (CircuitStatus limit in destination.Circuit)
            {
                Write(writer, limit);
            }

            writer.WriteEndObject();
            writer.WriteStartArray("endpoints");
            foreach (DestinationEndpointStatus endpoint in destination.Endpoints)
            {
                Write(writer, endpoint);
                await json.BreatheAsync();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
            await json.BreatheAsync();
        }

        writer.WriteEndArray();
    }

    /// <summary>As pages and labels name it.</summary>
    public static string Word(CircuitLimit limit) => limit switch
    {
        CircuitLimit.Connections => "connections",
        CircuitLimit.PendingRequests => "pending_requests",
        CircuitLimit.Requests => "requests",
        CircuitLimit.Retries => "retries",
        _ => "none",
    };

    /// <summary>As pages and labels name it.</summary>
    public static string Word(EjectionCause cause) => cause switch
    {
        EjectionCause.Consecutive5xx => "consecutive_5xx",
        EjectionCause.ConsecutiveGatewayErrors => "consecutive_gateway_errors",
        EjectionCause.ConsecutiveLocalOriginFailures => "consecutive_local_origin_failures",
        EjectionCause.SuccessRate => "success_rate",
        _ => "latency",
    };

    /// <summary>As Envoy's page says it, which is what people look for.</summary>
    private static string FlagsOf(DestinationEndpointStatus endpoint) => endpoint.Ejected is null ? "healthy" : "/failed_outlier_check";

    private static string NameOf(DestinationStatus destination) =>
        $"destination::{destination.Service}:{destination.Port}"
        + (destination.Subset.Length == 0 ? "" : $"::subset={destination.Subset}")
        + (destination.ClientNamespace.Length == 0 ? "" : $"::client_namespace={destination.ClientNamespace}");

    private static void Write(Utf8JsonWriter writer, CircuitStatus limit)
    {
        writer.WriteStartObject(Word(limit.Limit));
        writer.WriteNumber("count", limit.Count);
        if (limit.Max != uint.MaxValue)
        {
            writer.WriteNumber("max", limit.Max);
        }

        writer.WriteBoolean("open", limit.IsOpen);
        writer.WriteNumber("overflows", limit.OverflowsTotal);
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, DestinationEndpointStatus endpoint)
    {
        writer.WriteStartObject();
        writer.WriteString("workload", endpoint.Workload);
        writer.WriteBoolean("ejected", endpoint.Ejected is not null);
        writer.WriteString("healthFlags", FlagsOf(endpoint));
        if (endpoint.Ejected is EjectionCause cause)
        {
            writer.WriteString("cause", Word(cause));
            writer.WriteNumber("ejectedForMs", endpoint.EjectedForMs);
        }

        writer.WriteNumber("active", endpoint.Active);
        writer.WriteNumber("requests", endpoint.RequestsTotal);
        writer.WriteNumber("successes", endpoint.SuccessesTotal);
        if (endpoint.IntervalSuccessRate >= 0)
        {
            writer.WriteNumber("successRate", endpoint.IntervalSuccessRate);
        }

        writer.WriteEndObject();
    }
}
