using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Transport.Listeners;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>Takes connections to a pod's HBONE port, as many at a time as there may be handshakes.</summary>
internal sealed class InboundHboneAcceptor(EnrolledPod pod) : IAcceptHandler
{
    public bool CanAccept
    {
        get
        {
            bool may = pod.MayBeginHandshake(pod.Home);
            if (!may)
            {
                pod.Home.Hold(pod);
            }

            return may;
        }
    }

    public void OnAccepted(SocketHandle socket, IPEndPoint peer)
    {
        bool carriesOwnMark = !PodSockets.PrepareAccepted(socket);
        pod.Begin(
            socket,
            Placement.Handshake,
            (context, channel) => new InboundTunnel(context, pod, channel, peer) { CarriesOwnMark = carriesOwnMark });
    }

    public void OnAcceptFailed(Errno error) =>
        Log.AcceptFailed(pod.Home.Services.Logger, pod.Identity.ToString(), MeshPorts.Hbone, error);
}
