using System.IO.Pipelines;
using System.Net;
using System.Text;
using System.Text.Json;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Admin;

/// <summary>
/// Where traffic can go: services with their endpoints as the balancer sees them, destinations with what became of requests to them, and
/// the tunnels that are open.
/// </summary>
internal static class ClusterDump
{
    private const int FlushBytes = 64 * 1024;

    /// <summary>
    /// One line for each endpoint of each service, those of <see cref="DestinationDump"/>, and one for each tunnel, in the manner of
    /// Envoy's page.
    /// </summary>
    public static async Task WriteTextAsync(PipeWriter output, AdminSources sources, CancellationToken cancellation)
    {
        foreach (Target target in TargetsOf(sources.Configuration.Current))
        {
            Workload endpoint = target.Endpoint;
            Write(output, $"{target.Service.Key}:{target.Port}::{target.Address}::protocol={Protocol(endpoint)}"
                + $"::health={Health(endpoint)}::weight={endpoint.Capacity}::node={endpoint.Node}::workload={endpoint.Uid}\n");
            if (output.UnflushedBytes >= FlushBytes)
            {
                await output.FlushAsync(cancellation);
            }
        }

        foreach (string line in DestinationDump.TextOf(sources.Destinations.List()))
        {
            Write(output, line);
            if (output.UnflushedBytes >= FlushBytes)
            {
                await output.FlushAsync(cancellation);
            }
        }

        foreach (TunnelStatus tunnel in sources.Tunnels.List())
        {
            Write(output, $"tunnel::{tunnel.Address}::state={tunnel.State}::streams={tunnel.Streams}/{tunnel.StreamsMax}"
                + $"::source={tunnel.SourceIdentity}{At(tunnel.SourceAddress)}::destination={tunnel.DestinationIdentity}\n");
        }

        await output.FlushAsync(cancellation);
    }

    /// <summary>The same as JSON.</summary>
    public static async Task WriteJsonAsync(JsonPage json, AdminSources sources)
    {
        Utf8JsonWriter writer = json.Writer;
        writer.WriteStartObject();
        writer.WriteStartArray("endpoints");
        foreach (Target target in TargetsOf(sources.Configuration.Current))
        {
            writer.WriteStartObject();
            writer.WriteString("service", target.Service.Key);
            writer.WriteNumber("port", target.Port);
            writer.WriteString("address", target.Address);
            writer.WriteString("protocol", Protocol(target.Endpoint));
            writer.WriteString("health", Health(target.Endpoint));
            writer.WriteNumber("weight", target.Endpoint.Capacity);
            json.Optional("node", target.Endpoint.Node);
            writer.WriteString("workload", target.Endpoint.Uid);
            writer.WriteEndObject();
            await json.BreatheAsync();
        }

        writer.WriteEndArray();
        await DestinationDump.WriteJsonAsync(json, sources.Destinations.List());
        writer.WriteStartArray("tunnels");
        foreach (TunnelStatus tunnel in sources.Tunnels.List())
        {
            writer.WriteStartObject();
            writer.WriteString("address", tunnel.Address);
            writer.WriteString("state", tunnel.State);
            writer.WriteNumber("streams", tunnel.Streams);
            writer.WriteNumber("streamsMax", tunnel.StreamsMax);
            writer.WriteString("source", tunnel.SourceIdentity);
            json.Optional("sourceAddress", tunnel.SourceAddress);
            writer.WriteString("destination", tunnel.DestinationIdentity);
            writer.WriteEndObject();
            await json.BreatheAsync();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static IEnumerable<Target> TargetsOf(MeshSnapshot snapshot)
    {
        foreach (ServiceEndpoints entry in snapshot.Services.OrderBy(entry => entry.Service!.Key, StringComparer.Ordinal))
        {
            Service service = entry.Service!;
            foreach (ServicePort port in service.Ports)
            {
                foreach (Workload endpoint in entry.Endpoints)
                {
                    ushort own = endpoint.MembershipOf(service.Key)?.TargetPortOf(port.Port) ?? 0;
                    int target = own != 0 ? own : port.TargetPort;
                    string address = endpoint.Addresses.IsEmpty
                        ? $"{endpoint.Hostname}:{target}"
                        : new IPEndPoint(endpoint.Addresses[0], target).ToString();
                    yield return new Target(service, port.Port, endpoint, address);
                }
            }
        }
    }

    private static string Protocol(Workload endpoint) => endpoint.TunnelProtocol == TunnelProtocol.Hbone ? "hbone" : "tcp";

    private static string Health(Workload endpoint) => endpoint.IsHealthy ? "healthy" : "unhealthy";

    private static string At(string? sourceAddress) => sourceAddress is null ? "" : $"::source_address={sourceAddress}";

    private static void Write(PipeWriter output, string line)
    {
        Span<byte> destination = output.GetSpan(Encoding.UTF8.GetMaxByteCount(line.Length));
        output.Advance(Encoding.UTF8.GetBytes(line, destination));
    }

    private readonly record struct Target(Service Service, ushort Port, Workload Endpoint, string Address);
}
