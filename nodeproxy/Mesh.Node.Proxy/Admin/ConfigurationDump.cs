using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Mesh.Api.Identity;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Admin;

/// <summary>The snapshot in force as JSON, in the shape of ztunnel's <c>/config_dump</c>, which istioctl and Kiali read.</summary>
internal static class ConfigurationDump
{
    /// <summary>Writes the properties of the dump into an object that is open.</summary>
    public static async Task WriteAsync(JsonPage json, AdminSources sources)
    {
        MeshSnapshot snapshot = sources.Configuration.Current;
        Utf8JsonWriter writer = json.Writer;

        writer.WriteStartObject("version");
        writer.WriteString("version", NodeTelemetry.Version);
        writer.WriteEndObject();
        writer.WriteBoolean("complete", snapshot.IsComplete);

        writer.WritePropertyName("config");
        writer.WriteRawValue(sources.NodeConfigurationJson());

        writer.WriteStartArray("workloads");
        foreach (Workload workload in snapshot.Workloads.OrderBy(workload => workload.Uid, StringComparer.Ordinal))
        {
            WriteWorkload(json, workload);
            await json.BreatheAsync();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("services");
        foreach (ServiceEndpoints service in snapshot.Services.OrderBy(service => service.Service!.Key, StringComparer.Ordinal))
        {
            WriteService(json, service.Service!, service.Endpoints);
            await json.BreatheAsync();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("policies");
        await PolicyDump.WriteAsync(json, snapshot.Policies);
        writer.WriteEndArray();
        writer.WriteStartArray("traffic");
        await TrafficDump.WriteAsync(json, snapshot.Traffic);
        writer.WriteEndArray();
        writer.WriteStartArray("certificates");
        await CertificateDump.WriteAsync(json, sources.Certificates);
        writer.WriteEndArray();

        writer.WriteStartObject("workloadState");
        foreach (PodStatus pod in sources.Pods.List().OrderBy(pod => pod.Uid, StringComparer.Ordinal))
        {
            WritePod(writer, pod);
            await json.BreatheAsync();
        }

        writer.WriteEndObject();
    }

    private static void WriteWorkload(JsonPage json, Workload workload)
    {
        Utf8JsonWriter writer = json.Writer;
        writer.WriteStartObject();
        writer.WriteString("uid", workload.Uid);
        WriteTexts(writer, "workloadIps", workload.Addresses.Select(address => address.ToString()));
        WriteGateway(writer, "waypoint", workload.Waypoint);
        WriteGateway(writer, "networkGateway", workload.NetworkGateway);
        writer.WriteString("protocol", workload.TunnelProtocol == TunnelProtocol.Hbone ? "HBONE" : "TCP");
        writer.WriteString("name", workload.Name);
        writer.WriteString("namespace", workload.Namespace);
        writer.WriteString("serviceAccount", workload.Identity.ServiceAccount);
        writer.WriteString("workloadName", workload.ControllerName);
        writer.WriteString("workloadType", workload.Type.ToString().ToLowerInvariant());
        writer.WriteString("canonicalName", workload.CanonicalName);
        writer.WriteString("canonicalRevision", workload.CanonicalRevision);
        writer.WriteString("clusterId", workload.ClusterId);
        writer.WriteString("trustDomain", workload.Identity.TrustDomain.ToString());
        if (workload.Locality != Locality.Unknown)
        {
            writer.WriteStartObject("locality");
            json.Optional("region", workload.Locality.Region);
            json.Optional("zone", workload.Locality.Zone);
            json.Optional("subzone", workload.Locality.Subzone);
            writer.WriteEndObject();
        }

        writer.WriteString("node", workload.Node);
        json.Optional("network", workload.Network);
        writer.WriteString("status", workload.IsHealthy ? "Healthy" : "Unhealthy");
        writer.WriteString("hostname", workload.Hostname ?? "");
        writer.WriteString("networkMode", workload.IsHostNetwork ? "HostNetwork" : "Standard");
        writer.WriteNumber("capacity", workload.Capacity);
        if (workload.ApplicationTunnel is ApplicationTunnel tunnel)
        {
            writer.WriteStartObject("applicationTunnel");
            writer.WriteString("protocol", tunnel.Protocol == ApplicationTunnelProtocol.Proxy ? "PROXY" : "NONE");
            writer.WriteNumber("port", tunnel.Port);
            writer.WriteEndObject();
        }

        if (!workload.AuthorizationPolicies.IsEmpty)
        {
            WriteTexts(writer, "authorizationPolicies", workload.AuthorizationPolicies);
        }

        WriteTexts(writer, "services", workload.Services.Select(membership => membership.ServiceKey));
        if (workload.Services.Any(membership => !membership.Subsets.IsEmpty))
        {
            WriteTexts(writer, "subsets", workload.Services.SelectMany(membership => membership.Subsets));
        }

        writer.WriteEndObject();
    }

    private static void WriteService(JsonPage json, Service service, ImmutableArray<Workload> endpoints)
    {
        Utf8JsonWriter writer = json.Writer;
        writer.WriteStartObject();
        writer.WriteString("name", service.Name);
        writer.WriteString("namespace", service.Namespace);
        writer.WriteString("hostname", service.Hostname);
        WriteTexts(writer, "vips", service.Addresses.Select(block => block.ToString()));
        writer.WriteStartObject("ports");
        foreach (ServicePort port in service.Ports)
        {
            writer.WriteNumber(Text(port.Port), port.TargetPort);
        }

        writer.WriteEndObject();
        writer.WriteStartObject("protocols");
        foreach (ServicePort port in service.Ports)
        {
            writer.WriteString(Text(port.Port), port.Protocol.ToString());
        }

        writer.WriteEndObject();
        if (service.LoadBalancing != LoadBalancing.Default)
        {
            writer.WriteStartObject("loadBalancer");
            writer.WriteString("mode", service.LoadBalancing.Mode.ToString());
            WriteTexts(writer, "routingPreferences", service.LoadBalancing.RoutingPreference.Select(scope => scope.ToString()));
            writer.WriteString("healthPolicy", service.LoadBalancing.AllowsUnhealthy ? "AllowAll" : "OnlyHealthy");
            writer.WriteEndObject();
        }

        WriteGateway(writer, "waypoint", service.Waypoint);
        writer.WriteStartObject("endpoints");
        foreach (Workload endpoint in endpoints)
        {
            writer.WriteStartObject(endpoint.Uid);
            writer.WriteString("workloadUid", endpoint.Uid);
            writer.WriteString("service", service.Key);
            writer.WriteStartObject("port");
            foreach (ServicePort port in service.Ports)
            {
                ushort own = endpoint.MembershipOf(service.Key)?.TargetPortOf(port.Port) ?? 0;
                writer.WriteNumber(Text(port.Port), own != 0 ? own : port.TargetPort);
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        if (!service.SubjectAltNames.IsEmpty)
        {
            WriteTexts(writer, "subjectAltNames", service.SubjectAltNames.Select((SpiffeId identity) => identity.ToString()));
        }

        writer.WriteString("ipFamilies", service.IpFamilies.ToString());
        writer.WriteEndObject();
    }

    private static void WritePod(Utf8JsonWriter writer, PodStatus pod)
    {
        writer.WriteStartObject(pod.Uid);
        writer.WriteString("state", pod.State);
        writer.WriteStartObject("info");
        writer.WriteString("name", pod.Name);
        writer.WriteString("namespace", pod.Namespace);
        writer.WriteString("serviceAccount", pod.ServiceAccount);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteGateway(Utf8JsonWriter writer, string name, GatewayAddress? gateway)
    {
        if (gateway is not null)
        {
            writer.WriteStartObject(name);
            writer.WriteString("destination", gateway.ToString());
            writer.WriteEndObject();
        }
    }

    private static void WriteTexts(Utf8JsonWriter writer, string name, IEnumerable<string> texts)
    {
        writer.WriteStartArray(name);
        foreach (string text in texts)
        {
            writer.WriteStringValue(text);
        }

        writer.WriteEndArray();
    }

    private static string Text(ushort port) => port.ToString(CultureInfo.InvariantCulture);
}
