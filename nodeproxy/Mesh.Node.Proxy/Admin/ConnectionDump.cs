using System.Text.Json;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Open connections as JSON. Reads what loops write, without asking them: it works when a loop does not.</summary>
internal static class ConnectionDump
{
    /// <summary>Writes up to <paramref name="max"/> connections, and how many there are.</summary>
    /// <param name="json">Where.</param>
    /// <param name="telemetry">Whose.</param>
    /// <param name="max">How many to show.</param>
    /// <param name="workload">Only those of a workload of this name, at either end; empty for all.</param>
    public static async Task WriteAsync(JsonPage json, NodeTelemetry telemetry, int max, string workload)
    {
        Utf8JsonWriter writer = json.Writer;
        writer.WriteStartObject();
        writer.WriteNumber("open", telemetry.Connections.Sum(loop => loop.Open.Count));
        writer.WriteStartArray("connections");
        int shown = 0;
        for (int index = 0; index < telemetry.Connections.Count; index++)
        {
            foreach (ConnectionRecord record in telemetry.Connections[index].Open)
            {
                if (shown == max)
                {
                    break;
                }

                if (workload.Length == 0 || workload == record.Source?.Name || workload == record.DestinationWorkload?.Name)
                {
                    Write(json, record, index);
                    shown++;
                    await json.BreatheAsync();
                }
            }
        }

        writer.WriteEndArray();
        writer.WriteNumber("shown", shown);
        writer.WriteEndObject();
    }

    private static void Write(JsonPage json, ConnectionRecord record, int loop)
    {
        Utf8JsonWriter writer = json.Writer;
        writer.WriteStartObject();
        writer.WriteNumber("id", record.Id);
        writer.WriteNumber("loop", loop);
        writer.WriteString("path", ConnectionPaths.Name(record.Path));
        writer.WriteString("client", record.Client.ToString());
        json.Optional("destination", record.Destination?.ToString());
        json.Optional("upstream", record.Upstream?.ToString());
        json.Optional("authority", record.HboneAuthority?.ToString());
        json.Optional("sourceWorkload", record.Source?.Uid);
        json.Optional("sourceIdentity", record.SourceIdentity?.ToString());
        json.Optional("destinationWorkload", record.DestinationWorkload?.Uid);
        json.Optional("destinationIdentity", record.DestinationIdentity?.ToString());
        json.Optional("service", record.Service?.Key);
        writer.WriteBoolean("mutualTls", record.IsMutualTls);
        writer.WriteNumber("bytesSent", record.BytesSent);
        writer.WriteNumber("bytesReceived", record.BytesReceived);
        writer.WriteNumber("ageMs", Environment.TickCount64 - record.StartedMs);
        writer.WriteEndObject();
    }
}
