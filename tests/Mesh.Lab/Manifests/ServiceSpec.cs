using System.Globalization;
using System.Net;
using System.Net.Sockets;
using YamlDotNet.RepresentationModel;

namespace Mesh.Lab.Manifests;

/// <summary>What the lab takes from a Service manifest.</summary>
internal sealed record ServiceSpec
{
    public required ObjectKey Key { get; init; }

    /// <summary>spec.clusterIPs as written; empty: to be allocated.</summary>
    public required IReadOnlyList<IPAddress> ClusterAddresses { get; init; }

    public bool IsHeadless { get; init; }

    /// <summary>The address families wanted, in order of preference.</summary>
    public required IReadOnlyList<AddressFamily> Families { get; init; }

    public required IReadOnlyDictionary<string, string> Selector { get; init; }

    public required IReadOnlyList<ServicePortSpec> Ports { get; init; }

    public bool PublishesNotReady { get; init; }

    public static ServiceSpec Parse(Manifest manifest, List<string> problems)
    {
        YamlMappingNode root = manifest.Root;
        string place = $"{manifest.Source}: {manifest.Key}";
        string[] written = root.Texts("spec", "clusterIPs") ?? (root.Text("spec", "clusterIP") is { Length: > 0 } one ? [one] : []);
        bool isHeadless = written.Contains("None");
        var addresses = new List<IPAddress>();
        foreach (string text in written.Where(text => text != "None"))
        {
            if (IPAddress.TryParse(text, out IPAddress? address))
            {
                addresses.Add(address);
            }
            else
            {
                problems.Add($"{place}: spec.clusterIPs: '{text}' is not an IP address");
            }
        }

        var families = new List<AddressFamily>();
        foreach (string family in root.Texts("spec", "ipFamilies") ?? ["IPv4", "IPv6"])
        {
            switch (family)
            {
                case "IPv4":
                    families.Add(AddressFamily.InterNetwork);
                    break;
                case "IPv6":
                    families.Add(AddressFamily.InterNetworkV6);
                    break;
                default:
                    problems.Add($"{place}: spec.ipFamilies: '{family}' is neither IPv4 nor IPv6");
                    break;
            }
        }

        return new ServiceSpec
        {
            Key = manifest.Key,
            ClusterAddresses = addresses,
            IsHeadless = isHeadless,
            Families = families,
            Selector = root.Entries("spec", "selector"),
            Ports = [.. ParsePorts(root, place, problems)],
            PublishesNotReady = root.Text("spec", "publishNotReadyAddresses") == "true",
        };
    }

    public bool Selects(IReadOnlyDictionary<string, string> labels)
    {
        return Selector.Count > 0 && Selector.All(wanted => labels.TryGetValue(wanted.Key, out string? value) && value == wanted.Value);
    }

    private static IEnumerable<ServicePortSpec> ParsePorts(YamlMappingNode root, string place, List<string> problems)
    {
        foreach (YamlNode port in root.Items("spec", "ports"))
        {
            if (!port.TryPort("port", out ushort number))
            {
                problems.Add($"{place}: spec.ports: port '{port.Text("port")}' is not a port");
                continue;
            }

            string protocol = port.Text("protocol") ?? "TCP";
            if (protocol is not ("TCP" or "UDP"))
            {
                problems.Add($"{place}: spec.ports: protocol '{protocol}' is neither TCP nor UDP");
                continue;
            }

            string target = port.Text("targetPort") ?? number.ToString(CultureInfo.InvariantCulture);
            yield return new ServicePortSpec(protocol, number, target);
        }
    }
}

/// <param name="Protocol">TCP or UDP.</param>
/// <param name="Target">A port, or the name of a container's port.</param>
internal sealed record ServicePortSpec(string Protocol, ushort Port, string Target)
{
    /// <summary>The port of one pod; false when the pod has none of that name.</summary>
    public bool TryResolve(PodSpec pod, out ushort port)
    {
        return ushort.TryParse(Target, CultureInfo.InvariantCulture, out port) || pod.NamedPorts.TryGetValue(Target, out port);
    }
}
