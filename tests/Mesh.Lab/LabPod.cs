using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab;

/// <summary>
/// A pod as a test uses it. A socket made here belongs to the pod's network like any application's: the application is the test, and it
/// knows nothing of the mesh.
/// </summary>
public sealed class LabPod
{
    private readonly MeshLab _lab;

    internal LabPod(MeshLab lab, PodStatus status)
    {
        _lab = lab;
        Name = status.QualifiedName;
        Node = status.Node;
        NetworkNamespace = status.NetworkNamespace;
        Address4 = IPAddress.Parse(status.Address4);
        Address6 = IPAddress.Parse(status.Address6);
    }

    /// <summary>NAMESPACE/NAME.</summary>
    public string Name { get; }

    public string Node { get; }

    public string NetworkNamespace { get; }

    public IPAddress Address4 { get; }

    public IPAddress Address6 { get; }

    private NetNamespace Place => _lab.Place(NetworkNamespace);

    public IPAddress Address(AddressFamily family) => family == AddressFamily.InterNetworkV6 ? Address6 : Address4;

    public IPEndPoint EndPoint(int port, AddressFamily family = AddressFamily.InterNetwork) => new(Address(family), port);

    /// <summary>Connects from the pod.</summary>
    /// <exception cref="SocketException">Refused, reset or unreachable.</exception>
    public Task<Socket> ConnectAsync(IPEndPoint target, CancellationToken cancellation = default)
    {
        return NamespaceSockets.ConnectAsync(Place, target, cancellation);
    }

    /// <summary>A socket of the pod that is neither bound nor connected.</summary>
    public Task<Socket> OpenSocketAsync(AddressFamily family) => Task.FromResult(NamespaceSockets.OpenTcp(Place, family));

    /// <summary>A datagram socket of the pod that is neither bound nor connected.</summary>
    public Socket OpenDatagramSocket(AddressFamily family) => NamespaceSockets.OpenUdp(Place, family);

    /// <summary>Listens in the pod on all its addresses of both families.</summary>
    public Task<Socket> ListenAsync(int port, int backlog = 512)
    {
        return Place.RunOnDedicatedThreadAsync(() =>
        {
            var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
            socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            socket.Listen(backlog);
            return socket;
        });
    }

    /// <summary>An HTTP client that connects from the pod. Addresses only: names are not looked up in the pod.</summary>
    public HttpClient Http(TimeSpan timeout) => NamespaceSockets.Http(Place, timeout);

    public Task<bool> IsListeningAsync(ushort port) => NamespaceSockets.IsListeningAsync(Place, port);

    /// <summary>Runs a program in the pod to its end.</summary>
    public Task<CommandResult> ExecuteAsync(params IReadOnlyList<string> command) => _lab.ExecuteAsync(NetworkNamespace, command);

    public override string ToString() => Name;
}
