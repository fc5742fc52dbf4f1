using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace Mesh.Lab.Manifests;

/// <summary>What the lab takes from a Pod manifest. Fields it has no use for (images, volumes, resources) are left alone.</summary>
internal sealed record PodSpec
{
    public required ObjectKey Key { get; init; }

    /// <summary>spec.nodeName; null leaves the choice to the lab.</summary>
    public string? NodeName { get; init; }

    public required string ServiceAccount { get; init; }

    public bool HostNetwork { get; init; }

    /// <summary>The first container's command and arguments. Empty: the pod is a namespace in which nothing runs.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    public string? WorkingDirectory { get; init; }

    public required IReadOnlyList<EnvironmentEntry> Environment { get; init; }

    public bool RestartsWhenEnded { get; init; }

    /// <summary>Container ports that have a name, for services that target them by it.</summary>
    public required IReadOnlyDictionary<string, ushort> NamedPorts { get; init; }

    public required IReadOnlyList<Probe> Probes { get; init; }

    /// <summary>Addresses the manifest demands by status.podIPs; empty lets the lab choose.</summary>
    public required IReadOnlyList<string> DemandedAddresses { get; init; }

    public static PodSpec Parse(Manifest manifest, List<string> problems)
    {
        YamlMappingNode root = manifest.Root;
        string place = $"{manifest.Source}: {manifest.Key}";
        if (manifest.Key.QualifiedName.Length > 200)
        {
            problems.Add($"{place}: namespace and name together are longer than 200 characters");
        }

        YamlNode? container = root.Items("spec", "containers").FirstOrDefault();
        if (container is null)
        {
            problems.Add($"{place}: spec.containers is empty; give one container, with the command to run in the pod");
            container = new YamlMappingNode();
        }

        string[] command = container.Texts("command") ?? [];
        string[] arguments = container.Texts("args") ?? [];
        if (command.Length == 0 && arguments.Length > 0)
        {
            problems.Add($"{place}: spec.containers[0].args without command; the lab runs no image, so say which command to run");
        }

        string restart = root.Text("spec", "restartPolicy") ?? "Always";
        if (restart is not ("Always" or "Never" or "OnFailure"))
        {
            problems.Add($"{place}: spec.restartPolicy '{restart}' is not Always, OnFailure or Never");
        }

        var namedPorts = new Dictionary<string, ushort>(StringComparer.Ordinal);
        foreach (YamlNode port in container.Items("ports"))
        {
            if (!port.TryPort("containerPort", out ushort number))
            {
                problems.Add($"{place}: spec.containers[0].ports: containerPort '{port.Text("containerPort")}' is not a port");
            }
            else if (port.Text("name") is { } name)
            {
                namedPorts[name] = number;
            }
        }

        return new PodSpec
        {
            Key = manifest.Key,
            NodeName = root.Text("spec", "nodeName"),
            ServiceAccount = root.Text("spec", "serviceAccountName") ?? "default",
            HostNetwork = root.Text("spec", "hostNetwork") == "true",
            Command = [.. command, .. arguments],
            WorkingDirectory = container.Text("workingDir"),
            Environment = [.. container.Items("env").Select(entry => ParseEnvironment(entry, place, problems)).OfType<EnvironmentEntry>()],
            RestartsWhenEnded = restart == "Always",
            NamedPorts = namedPorts,
            Probes = [.. ParseProbes(container, namedPorts, place, problems)],
            DemandedAddresses =
            [
                .. root.Items("status", "podIPs").Select(entry => entry.Text("ip")).OfType<string>(),
            ],
        };
    }

    /// <summary>Whether what runs in the pod would differ: then the pod is replaced, otherwise it goes on.</summary>
    public bool RunsTheSameAs(PodSpec other)
    {
        return NodeName == other.NodeName
            && ServiceAccount == other.ServiceAccount
            && HostNetwork == other.HostNetwork
            && WorkingDirectory == other.WorkingDirectory
            && RestartsWhenEnded == other.RestartsWhenEnded
            && Command.SequenceEqual(other.Command)
            && Environment.SequenceEqual(other.Environment)
            && (other.DemandedAddresses.Count == 0 || DemandedAddresses.SequenceEqual(other.DemandedAddresses));
    }

    private static EnvironmentEntry? ParseEnvironment(YamlNode entry, string place, List<string> problems)
    {
        if (entry.Text("name") is not { Length: > 0 } name)
        {
            problems.Add($"{place}: spec.containers[0].env: an entry has no name");
            return null;
        }

        if (entry.Find("valueFrom") is null)
        {
            return new EnvironmentEntry(name, entry.Text("value") ?? "", FieldPath: null);
        }

        string? fieldPath = entry.Text("valueFrom", "fieldRef", "fieldPath");
        if (fieldPath is null || !EnvironmentEntry.SupportedFieldPaths.Contains(fieldPath))
        {
            string supported = string.Join(", ", EnvironmentEntry.SupportedFieldPaths);
            problems.Add($"{place}: env {name}: the lab resolves valueFrom.fieldRef of {supported}"
                + (fieldPath is null ? " and no other source" : $", not of {fieldPath}"));
            return null;
        }

        return new EnvironmentEntry(name, "", fieldPath);
    }

    private static IEnumerable<Probe> ParseProbes(
        YamlNode container, Dictionary<string, ushort> namedPorts, string place, List<string> problems)
    {
        foreach (string purpose in (string[])["readinessProbe", "livenessProbe", "startupProbe"])
        {
            if (container.Find(purpose) is not { } probe)
            {
                continue;
            }

            (string kind, YamlNode? action) = (probe.Find("httpGet"), probe.Find("tcpSocket"), probe.Find("grpc")) switch
            {
                ({ } http, _, _) => ("http", http),
                (_, { } tcp, _) => ("tcp", tcp),
                (_, _, { } grpc) => ("grpc", grpc),
                _ => ("exec", probe.Find("exec")),
            };
            if (kind == "exec")
            {
                if (action is null)
                {
                    problems.Add($"{place}: {purpose}: one of httpGet, tcpSocket, grpc, exec is needed");
                }

                continue; // Runs inside the pod and needs no port.
            }

            string portText = action!.Text("port") ?? "";
            if (!ushort.TryParse(portText, CultureInfo.InvariantCulture, out ushort port) && !namedPorts.TryGetValue(portText, out port))
            {
                problems.Add($"{place}: {purpose}: '{portText}' is neither a port nor the name of one of the container's ports");
                continue;
            }

            yield return new Probe(purpose == "readinessProbe", kind, port, action!.Text("path") ?? "/", action!.Text("service") ?? "");
        }
    }
}

/// <summary>One environment variable: a value, or a field of the pod that is known once it has a place.</summary>
internal sealed record EnvironmentEntry(string Name, string Value, string? FieldPath)
{
    public static readonly IReadOnlyList<string> SupportedFieldPaths =
    [
        "metadata.name", "metadata.namespace", "spec.nodeName", "spec.serviceAccountName", "status.podIP", "status.hostIP",
    ];
}

/// <summary>A probe the node makes from its own address.</summary>
/// <param name="DecidesReadiness">Whether it is the readiness probe.</param>
/// <param name="Kind">http, grpc or tcp.</param>
/// <param name="Path">The path asked for by an http probe.</param>
/// <param name="Service">The service asked for by a grpc probe.</param>
internal sealed record Probe(bool DecidesReadiness, string Kind, ushort Port, string Path, string Service);
