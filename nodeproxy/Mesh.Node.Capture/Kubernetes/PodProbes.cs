using System.Globalization;
using System.Text.Json;
using Mesh.Node.Capture.Handover;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>What the kubelet will ask of a pod, by its spec: probes, and hooks that are requests. Pure.</summary>
/// <remarks>
/// Left out are commands, which need no network; what asks another host than the pod; and HTTPS, which cannot be looked into.
/// </remarks>
internal static class PodProbes
{
    private const int ProbesMax = 256;

    public static IReadOnlyList<PodProbe> Of(PodObjectSpec spec)
    {
        var found = new List<PodProbe>();
        foreach (ContainerObject container in (spec.InitContainers ?? []).Concat(spec.Containers ?? []))
        {
            ProbeObject?[] declared =
            [
                container.StartupProbe, container.LivenessProbe, container.ReadinessProbe,
                container.Lifecycle?.PostStart, container.Lifecycle?.PreStop,
            ];
            found.AddRange(declared.OfType<ProbeObject>().Select(probe => Of(probe, container.Ports ?? [])).OfType<PodProbe>());
        }

        return [.. found.Distinct().Take(ProbesMax)];
    }

    private static PodProbe? Of(ProbeObject probe, List<ContainerPortObject> ports)
    {
        if (probe.HttpGet is { Host: null or "", Scheme: null or "" or "HTTP" } http && PortOf(http.Port, ports) is int httpPort)
        {
            string path = http.Path ?? "/";
            return new PodProbe(PodProbeKind.Http, httpPort, path.StartsWith('/') ? path : "/" + path, "");
        }

        if (probe.TcpSocket is { Host: null or "" } tcp && PortOf(tcp.Port, ports) is int tcpPort)
        {
            return new PodProbe(PodProbeKind.Tcp, tcpPort, "", "");
        }

        return probe.Grpc is { } grpc && PortOf(grpc.Port, ports) is int grpcPort
            ? new PodProbe(PodProbeKind.Grpc, grpcPort, "", grpc.Service ?? "")
            : null;
    }

    private static int? PortOf(JsonElement port, List<ContainerPortObject> ports)
    {
        int? number = port.ValueKind switch
        {
            JsonValueKind.Number => port.TryGetInt32(out int given) ? given : null,
            JsonValueKind.String => PortOf(port.GetString()!, ports),
            _ => null,
        };
        return number is >= 1 and <= ushort.MaxValue ? number : null;
    }

    private static int? PortOf(string text, List<ContainerPortObject> ports) =>
        ports.Find(port => port.Name == text) is { } named ? named.ContainerPort
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number
        : null;
}
