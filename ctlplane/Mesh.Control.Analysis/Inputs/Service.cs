using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Inputs;

/// <summary>What stands under a host name: a Service, or a host of a ServiceEntry.</summary>
internal sealed class Service
{
    public required Entry Entry { get; init; }

    /// <summary>Full name; of a ServiceEntry perhaps <c>*.</c> and a name.</summary>
    public required string Host { get; init; }

    public required IReadOnlyList<ServicePort> Ports { get; init; }

    /// <summary>Which workloads serve it; null where nothing is selected.</summary>
    public required Labels? Selector { get; init; }

    public string Namespace => Entry.Namespace;

    /// <summary>Whether it is a Service whose workloads are selected.</summary>
    public bool IsSelecting => Selector is not null && Entry.Source.Key.Group.Length == 0;

    public static Service OfService(Entry entry, string clusterDomain) => new()
    {
        Entry = entry,
        Host = $"{entry.Name}.{entry.Namespace}.svc.{clusterDomain}",
        Ports = [.. entry.Spec["ports"].Items.Select(ServicePort.OfService)],
        Selector = entry.Spec["selector"] is { Exists: true, IsEmptyObject: false } selector ? selector.ToLabels() : null,
    };

    public static IEnumerable<Service> OfServiceEntry(Entry entry)
    {
        Field labels = entry.Spec["workloadSelector"]["labels"];
        ServicePort[] ports = [.. entry.Spec["ports"].Items.Select(ServicePort.OfServiceEntry)];
        return entry.Spec["hosts"].Items.Where(host => host.Text.Length > 0).Select(host => new Service
        {
            Entry = entry,
            Host = host.Text,
            Ports = ports,
            Selector = labels is { Exists: true, IsEmptyObject: false } ? labels.ToLabels() : null,
        });
    }
}

/// <param name="Field">Where it is declared.</param>
/// <param name="Name">Empty when it has none.</param>
/// <param name="Number">0 when it is not readable.</param>
/// <param name="TargetNumber">Port of the workload; 0 when it is named.</param>
/// <param name="TargetName">Name of the workload's port; empty when it is a number.</param>
/// <param name="Transport">TCP, UDP or SCTP.</param>
/// <param name="AppProtocol">What is said to be spoken; empty when the name says it.</param>
internal sealed record ServicePort(
    Field Field, string Name, int Number, int TargetNumber, string TargetName, string Transport, string AppProtocol)
{
    public static ServicePort OfService(Field field)
    {
        int number = field["port"].Number ?? 0;
        Field target = field["targetPort"];
        return new ServicePort(
            field,
            field["name"].Text,
            number,
            target.Number ?? (target.Text.Length > 0 ? 0 : number),
            target.Text,
            field["protocol"].Text is { Length: > 0 } transport ? transport : "TCP",
            field["appProtocol"].Text);
    }

    public static ServicePort OfServiceEntry(Field field)
    {
        int number = field["number"].Number ?? 0;
        return new ServicePort(
            field, field["name"].Text, number, field["targetPort"].Number ?? number, string.Empty, "TCP", field["protocol"].Text);
    }

    /// <summary>What is declared to be spoken, in capitals; empty when nothing known is.</summary>
    public string Protocol
    {
        get
        {
            string name = AppProtocol.Length > 0 ? AppProtocol
                : Name.StartsWith("grpc-web", StringComparison.OrdinalIgnoreCase) ? "grpc-web"
                : Name.Split('-')[0];
            return ProtocolNames.IsKnown(name) ? name.ToUpperInvariant() : string.Empty;
        }
    }
}

/// <summary>The names of protocols that a port may say.</summary>
internal static class ProtocolNames
{
    private static readonly HashSet<string> s_known = new(StringComparer.OrdinalIgnoreCase)
    {
        "http", "http2", "https", "grpc", "grpc-web", "tcp", "tls", "udp", "mongo", "redis", "mysql",
        "kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss",
    };

    public static bool IsKnown(string name) => s_known.Contains(name);
}
