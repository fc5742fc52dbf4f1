using System.Globalization;
using System.Text.Json;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Explain;

namespace Mesh.Node.Proxy.Admin;

/// <summary>A route as JSON: its conditions in words, its destinations with weights out of 10,000.</summary>
internal static class RouteDump
{
    private const int WeightsTotal = 10_000;

    public static void Write(Utf8JsonWriter writer, Route route)
    {
        writer.WriteStartObject();
        writer.WriteString("name", route.Name);
        writer.WriteStartArray("matches");
        foreach (RouteMatch match in route.Matches)
        {
            writer.WriteStartArray();
            foreach (string condition in RouteConditions.Of(match))
            {
                writer.WriteStringValue(condition);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndArray();
        WriteAction(writer, route.Action);
        WriteOperations(writer, "requestHeaders", route.RequestHeaders);
        WriteOperations(writer, "responseHeaders", route.ResponseHeaders);
        if (route.Cors is CorsPolicy cors)
        {
            writer.WriteStartObject("cors");
            writer.WriteString("allowOrigins", string.Join(", ", cors.AllowOrigins));
            writer.WriteString("allowMethods", string.Join(',', cors.AllowMethods));
            writer.WriteString("allowHeaders", string.Join(',', cors.AllowHeaders));
            writer.WriteString("exposeHeaders", string.Join(',', cors.ExposeHeaders));
            TrafficDump.WriteTime(writer, "maxAge", cors.MaxAge);
            writer.WriteBoolean("allowsCredentials", cors.AllowsCredentials);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    /// <summary>
    /// Shares of the whole, out of 10,000: rounded down, and what is then missing goes to those that lost most by it, so that they make up
    /// the whole. What has weight is never said to have none.
    /// </summary>
    internal static int[] WeightsOf(WeightedDestinations destinations)
    {
        int count = destinations.Destinations.Length;
        ulong total = 0;
        foreach (WeightedDestination destination in destinations.Destinations)
        {
            total += destination.Weight;
        }

        if (count == 1 || total == 0)
        {
            return [.. destinations.Destinations.Select(_ => count == 1 ? WeightsTotal : 0)];
        }

        int[] weights = [.. destinations.Destinations.Select(destination => (int)(destination.Weight * (ulong)WeightsTotal / total))];
        IEnumerable<int> byLoss = Enumerable.Range(0, count)
            .OrderByDescending(index => destinations.Destinations[index].Weight * (ulong)WeightsTotal % total)
            .Take(WeightsTotal - weights.Sum());
        foreach (int index in byLoss)
        {
            weights[index]++;
        }

        return weights;
    }

    private static void WriteAction(Utf8JsonWriter writer, RouteAction action)
    {
        switch (action)
        {
            case ForwardAction forward:
                WriteForward(writer, forward);
                break;
            case RedirectAction redirect:
                writer.WriteStartObject("redirect");
                writer.WriteNumber("status", redirect.Status);
                WriteText(writer, "scheme", redirect.Scheme);
                WriteText(writer, "host", redirect.Host);
                WriteText(writer, "path", Text(redirect.Path));
                writer.WriteString("port", redirect.PortFrom == RedirectPort.Given
                    ? redirect.Port.ToString(CultureInfo.InvariantCulture)
                    : redirect.PortFrom.ToString());
                writer.WriteEndObject();
                break;
            case DirectResponseAction response:
                writer.WriteStartObject("directResponse");
                writer.WriteNumber("status", response.Status);
                writer.WriteNumber("bodyBytes", response.Body.Length);
                writer.WriteEndObject();
                break;
            default:
                throw new InvalidOperationException($"{action.GetType().Name} has no form here.");
        }
    }

    private static void WriteForward(Utf8JsonWriter writer, ForwardAction forward)
    {
        int[] weights = WeightsOf(forward.Destinations);
        writer.WriteStartArray("destinations");
        for (int index = 0; index < weights.Length; index++)
        {
            WriteDestination(writer, forward.Destinations.Destinations[index], weights[index]);
        }

        writer.WriteEndArray();
        writer.WriteNumber("totalWeight", weights.Sum());
        writer.WriteBoolean("keepsUnusable", forward.Destinations.KeepsUnusable);
        WriteText(writer, "rewrite", Text(forward.Rewrite));
        WriteText(writer, "authority", forward.Authority);
        TrafficDump.WriteTime(writer, "timeout", forward.Timeout);
        TrafficDump.WriteRetries(writer, forward.Retries);
        if (forward.Fault is FaultPolicy fault)
        {
            WriteText(writer, "faultDelay", fault.Delay is null
                ? null
                : string.Create(CultureInfo.InvariantCulture, $"{fault.Delay.Duration.TotalSeconds:0.###}s of {fault.Delay.Share}"));
            WriteText(writer, "faultAbort", fault.Abort switch
            {
                null => null,
                { HttpStatus: int http } => $"{http} of {fault.Abort.Share}",
                _ => $"grpc-status {fault.Abort.GrpcStatus} of {fault.Abort.Share}",
            });
        }

        if (!forward.Mirrors.IsEmpty)
        {
            writer.WriteStartArray("mirrors");
            foreach (Mirror mirror in forward.Mirrors)
            {
                writer.WriteStringValue($"{Name(mirror.Destination)}, {mirror.Share}");
            }

            writer.WriteEndArray();
        }
    }

    private static void WriteDestination(Utf8JsonWriter writer, WeightedDestination destination, int weight)
    {
        writer.WriteStartObject();
        writer.WriteString("service", destination.ServiceKey);
        writer.WriteNumber("port", destination.Port);
        WriteText(writer, "subset", destination.Subset.Length == 0 ? null : destination.Subset);
        writer.WriteNumber("weight", weight);
        WriteOperations(writer, "requestHeaders", destination.RequestHeaders);
        WriteOperations(writer, "responseHeaders", destination.ResponseHeaders);
        writer.WriteEndObject();
    }

    private static string Name(WeightedDestination destination) => destination.Subset.Length == 0
        ? $"{destination.ServiceKey}:{destination.Port}"
        : $"{destination.ServiceKey}:{destination.Port}/{destination.Subset}";

    private static void WriteOperations(Utf8JsonWriter writer, string name, HeaderOperations operations)
    {
        if (operations.IsEmpty)
        {
            return;
        }

        writer.WriteStartArray(name);
        foreach (HeaderName removed in operations.Remove)
        {
            writer.WriteStringValue($"remove {removed}");
        }

        foreach (HeaderField set in operations.Set)
        {
            writer.WriteStringValue($"set {set}");
        }

        foreach (HeaderField added in operations.Add)
        {
            writer.WriteStringValue($"add {added}");
        }

        writer.WriteEndArray();
    }

    private static string? Text(PathRewrite? rewrite) => rewrite?.ToString();

    private static void WriteText(Utf8JsonWriter writer, string name, string? text)
    {
        if (text is not null)
        {
            writer.WriteString(name, text);
        }
    }
}
