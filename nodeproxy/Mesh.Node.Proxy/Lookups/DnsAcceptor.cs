using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Proxy.Outbound;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Transport.Listeners;

namespace Mesh.Node.Proxy.Lookups;

/// <summary>
/// Takes the connections to DNS servers that the rules captured on their way out of a pod: outbound connections as others, but for what is
/// asked about names of the mesh.
/// </summary>
internal sealed class DnsAcceptor(EnrolledPod pod) : IAcceptHandler
{
    public bool CanAccept => pod.MayServeDns;

    public void OnAccepted(SocketHandle socket, IPEndPoint peer)
    {
        bool carriesOwnMark = !PodSockets.PrepareAccepted(socket);
        IPEndPoint? destination = pod.OriginalDestination(socket, peer.AddressFamily);
        pod.Begin(
            socket,
            Placement.Home,
            (context, client) => new OutboundConnection(context, pod, client, peer, destination)
            {
                CarriesOwnMark = carriesOwnMark,
                AsksForNames = true,
            });
    }

    public void OnAcceptFailed(Errno error) =>
        Log.AcceptFailed(pod.Home.Services.Logger, pod.Identity.ToString(), MeshPorts.Dns, error);
}
