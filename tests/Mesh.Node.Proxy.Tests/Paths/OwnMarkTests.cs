using System.Net.Sockets;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: nobody but the proxy uses its mark. Method: a process of the pod that may set marks dials the proxy's ports with it.
/// </summary>
public sealed class OwnMarkTests
{
    [LabFact]
    public async Task A_connection_with_the_proxys_own_mark_is_refused_by_name_on_every_port()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod pod = await node.AddPodAsync("cart");
        foreach ((ushort port, string path) in ((ushort, string)[])
            [(MeshPorts.Outbound, "Outbound"), (MeshPorts.InboundPlaintext, "InboundPlaintext"), (MeshPorts.Hbone, "InboundTunnel")])
        {
            SocketException reset = await Assert.ThrowsAsync<SocketException>(async () =>
            {
                using Socket marked = pod.OpenMarked();
                await marked.ConnectAsync(pod.Address, port);
                await LabPod.ReadAsync(marked, 1);
            });
            Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
            await node.WaitForLineAsync($"path={path}", "close_reason=OwnMarkRefused");
        }
    }
}
