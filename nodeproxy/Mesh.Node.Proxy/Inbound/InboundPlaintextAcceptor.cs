using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Transport.Listeners;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>Takes the plaintext connections the rules captured on their way into a pod.</summary>
internal sealed class InboundPlaintextAcceptor(EnrolledPod pod) : IAcceptHandler
{
    public bool CanAccept => true;

    public void OnAccepted(SocketHandle socket, IPEndPoint peer)
    {
        bool carriesOwnMark = !PodSockets.PrepareAccepted(socket);
        IPEndPoint? destination = pod.OriginalDestination(socket, peer.AddressFamily);
        pod.Begin(
            socket,
            Placement.Anywhere,
            (context, client) => new InboundPlaintextConnection(context, pod, client, peer, destination)
            {
                CarriesOwnMark = carriesOwnMark,
            });
    }

    public void OnAcceptFailed(Errno error) =>
        Log.AcceptFailed(pod.Home.Services.Logger, pod.Identity.ToString(), MeshPorts.InboundPlaintext, error);
}
