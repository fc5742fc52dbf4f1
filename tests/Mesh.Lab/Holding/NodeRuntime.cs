using System.Globalization;
using Mesh.Interop.Linux;
using Mesh.Lab.Networking;

namespace Mesh.Lab.Holding;

/// <summary>A node: where its addresses come from and where its files are.</summary>
internal sealed class NodeRuntime(string name, int index, string directory)
{
    private int _interfaces;

    public string Name => name;

    public int Index => index;

    public AddressPair Addresses { get; } = LabAddresses.Node(index);

    /// <summary>Configuration, token and pod files of its agent and proxy.</summary>
    public string Directory => directory;

    public string PodDirectory => Path.Combine(directory, "pods");

    /// <summary>The directory of its sockets: short, because a socket's path may have 107 bytes.</summary>
    public string RuntimeDirectory => $"/run/mesh-lab/{name}";

    public required NetNamespace Place { get; init; }

    public NumberPool PodOrdinals { get; } = new(2, 254, $"pod addresses of {name}");

    public string NextInterfaceName() => "pod" + (++_interfaces).ToString(CultureInfo.InvariantCulture);
}
