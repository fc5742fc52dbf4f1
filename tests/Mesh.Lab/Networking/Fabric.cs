using System.Globalization;
using System.Net;
using Mesh.Lab.Processes;

namespace Mesh.Lab.Networking;

/// <summary>
/// The lab's network, made with iproute2 inside the lab's own namespaces: a link that joins the nodes, one namespace per node that routes
/// for its pods, one per pod. A packet from one node to another crosses <see cref="LinkInterface"/>, where it can be captured.
/// </summary>
internal static class Fabric
{
    /// <summary>The lab's own namespace, outside every node, by name.</summary>
    public const string OutsideNamespace = "fabric";

    /// <summary>The interface there that every packet between nodes crosses.</summary>
    public const string LinkInterface = "fabric";

    public const string ControlNamespace = "control";

    /// <summary>The file that stands for a namespace.</summary>
    public static string NamespacePath(string name) => $"/run/netns/{name}";

    /// <summary>What a command is put after to run in a namespace. Its mounts stay those of the lab.</summary>
    public static string[] Inside(string name) => ["nsenter", $"--net={NamespacePath(name)}", "--"];

    /// <summary>Makes the link and the control plane's place on it. Called once, first.</summary>
    public static async Task CreateAsync()
    {
        await WriteSettingsAsync(null, forwards: true);
        await BatchAsync(
            null,
            $"""
            link set lo up
            link add {LinkInterface} type bridge
            addr add {LabAddresses.Outside.V4}/24 dev {LinkInterface}
            addr add {LabAddresses.Outside.V6}/64 dev {LinkInterface} nodad
            link set {LinkInterface} up
            """);
        string self = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        await Command.RunAsync(["ip", "netns", "attach", OutsideNamespace, self]);
        await AttachAsync(ControlNamespace, LabAddresses.ControlPlane, forwards: false);
    }

    /// <summary>Makes a node and the routes between it and the nodes before it.</summary>
    public static async Task AddNodeAsync(string name, int index)
    {
        await AttachAsync(name, LabAddresses.Node(index), forwards: true);
        await BatchAsync(null, RouteToPodsOf(index));
        await BatchAsync(ControlNamespace, RouteToPodsOf(index));
    }

    /// <summary>Teaches one node the way to the pods of another.</summary>
    public static Task AddRouteAsync(string node, int otherIndex) => BatchAsync(node, RouteToPodsOf(otherIndex));

    /// <summary>Makes a pod's namespace and its link to the node. The pod's end is eth0.</summary>
    /// <param name="nodeInterface">The name of the node's end, at most 15 characters.</param>
    public static async Task AddPodAsync(string name, AddressPair addresses, string node, int nodeIndex, string nodeInterface)
    {
        AddressPair nodeAddresses = LabAddresses.Node(nodeIndex);
        await Command.RunAsync(["ip", "netns", "add", name]);
        await WriteSettingsAsync(name, forwards: false);
        await BatchAsync(
            node,
            $"""
            link add {nodeInterface} type veth peer name eth0 netns {name}
            link set {nodeInterface} addrgenmode none
            link set {nodeInterface} up
            addr add {LabAddresses.PodGateway4}/32 dev {nodeInterface}
            addr add {LabAddresses.PodGateway6}/64 dev {nodeInterface} nodad
            route add {addresses.V4}/32 dev {nodeInterface} src {nodeAddresses.V4}
            route add {addresses.V6}/128 dev {nodeInterface} src {nodeAddresses.V6}
            """);
        await BatchAsync(
            name,
            $"""
            link set lo up
            link set eth0 up
            addr add {addresses.V4}/32 dev eth0
            addr add {addresses.V6}/128 dev eth0 nodad
            route add {LabAddresses.PodGateway4} dev eth0 scope link
            route add default via {LabAddresses.PodGateway4}
            route add default via {LabAddresses.PodGateway6} dev eth0
            """);
    }

    /// <summary>Takes a namespace away with every interface in it. What still runs in it keeps it alive, cut off.</summary>
    public static async Task RemovePodAsync(string name, string node, string nodeInterface)
    {
        // The link first: a namespace lives as long as a descriptor to it is open anywhere, its address must not.
        await Command.TryRunAsync(["ip", "-n", node, "link", "del", nodeInterface]);
        await Command.RunAsync(["ip", "netns", "del", name]);
    }

    private static string RouteToPodsOf(int index)
    {
        AddressPair via = LabAddresses.Node(index);
        IPNetwork range4 = LabAddresses.PodRange4(index);
        IPNetwork range6 = LabAddresses.PodRange6(index);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
            route add {range4} via {via.V4}
            route add {range6} via {via.V6}
            """);
    }

    private static async Task AttachAsync(string name, AddressPair addresses, bool forwards)
    {
        await Command.RunAsync(["ip", "netns", "add", name]);
        await WriteSettingsAsync(name, forwards);
        await BatchAsync(
            null,
            $"""
            link add {name} type veth peer name eth0 netns {name}
            link set {name} master {LinkInterface} up
            """);
        await BatchAsync(
            name,
            $"""
            link set lo up
            addr add {addresses.V4}/24 dev eth0
            addr add {addresses.V6}/64 dev eth0 nodad
            link set eth0 up
            route add default via {LabAddresses.Outside.V4}
            route add default via {LabAddresses.Outside.V6}
            """);
    }

    private static async Task BatchAsync(string? name, string lines)
    {
        string[] command = name is null ? ["ip", "-batch", "-"] : ["ip", "-n", name, "-batch", "-"];
        await Command.RunAsync(command, lines + '\n');
    }

    // Addresses are usable at once (no duplicate address detection), and reverse-path filters of the host are not inherited. Nor is its
    // congestion control where it may be chosen: BBR paces even what never leaves a pod, so figures of two hosts could not be compared.
    private static async Task WriteSettingsAsync(string? name, bool forwards)
    {
        string forwarding = forwards ? "1" : "0";
        string script =
            $"""
            set -e
            cd /proc/sys/net
            echo 0 > ipv4/conf/all/rp_filter
            echo 0 > ipv4/conf/default/rp_filter
            echo {forwarding} > ipv4/ip_forward
            echo 0 > ipv6/conf/default/accept_dad
            echo 0 > ipv6/conf/all/disable_ipv6
            echo {forwarding} > ipv6/conf/all/forwarding
            echo cubic > ipv4/tcp_congestion_control || true
            """;
        string[] shell = ["sh", "-c", script];
        await Command.RunAsync(name is null ? shell : [.. Inside(name), .. shell]);
    }
}
