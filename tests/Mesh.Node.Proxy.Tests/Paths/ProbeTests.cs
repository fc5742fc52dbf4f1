using System.Net.Sockets;
using System.Text;
using Mesh.Node.Capture.Handover;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: where policy refuses plaintext, the pod's own node may ask what the pod declares as probes and nothing else. Method: STRICT, an
/// application that echoes, and clients in the node's namespace.
/// </summary>
public sealed class ProbeTests
{
    private const int HttpPort = 8080;
    private const int TcpPort = 8081;
    private const int OtherPort = 8082;

    private const string Probe = "GET /healthz HTTP/1.1\r\nHost: 10.9.1.2:8080\r\nUser-Agent: kube-probe/1.34\r\nConnection: close\r\n\r\n";

    [LabFact]
    public async Task An_http_probe_reaches_its_path_and_may_come_again()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod pod = await StrictPodAsync(node);
        using Socket kubelet = await LabPod.ConnectAsync(node.Host.Network, pod.Address, HttpPort);
        Assert.Equal(Probe, await LabPod.AskAsync(kubelet, Probe));
        Assert.Equal(Probe + Probe, await LabPod.AskAsync(kubelet, Probe + Probe));

        // In pieces: nothing goes on before the request is whole.
        kubelet.Send(Encoding.ASCII.GetBytes(Probe[..20]));
        Assert.Equal(Probe, await ReadAfterAsync(kubelet, Probe[20..], Probe.Length));
        kubelet.Shutdown(SocketShutdown.Send);
        Assert.Equal("", await LabPod.ReadAsync(kubelet, 1));
        await node.WaitForLineAsync("close_reason=Completed", "path=InboundPlaintext");
    }

    [LabFact]
    public async Task What_else_the_node_asks_is_refused_by_name_and_never_reaches_the_application()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod pod = await StrictPodAsync(node);
        await AssertResetAsync(node, pod, HttpPort, Probe.Replace("/healthz", "/admin", StringComparison.Ordinal));
        await node.WaitForLineAsync("close_reason=ProbeRefused", "another path");
        await AssertResetAsync(node, pod, HttpPort, "\x16\x03\x01\x02 what may be TLS");
        await node.WaitForLineAsync("close_reason=ProbeRefused", "no request of a kind");
        await AssertResetAsync(node, pod, TcpPort, "x");
        await node.WaitForLineAsync("close_reason=ProbeRefused", "sends nothing");
        await AssertResetAsync(node, pod, OtherPort, Probe);
        await node.WaitForLineAsync("close_reason=PolicyDenied");

        // A request behind a probe's is judged for itself.
        using Socket sly = await LabPod.ConnectAsync(node.Host.Network, pod.Address, HttpPort);
        Assert.Equal(Probe, await LabPod.AskAsync(sly, Probe));
        await Assert.ThrowsAsync<SocketException>(() => LabPod.AskAsync(sly, "GET /admin HTTP/1.1\r\nHost: x\r\n\r\n"));
    }

    [LabFact]
    public async Task A_tcp_probe_opens_a_connection_to_the_application_and_ends_it()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod pod = await StrictPodAsync(node);
        Socket application = pod.Listen(TcpPort + 10);
        using (Socket kubelet = await LabPod.ConnectAsync(node.Host.Network, pod.Address, TcpPort + 10))
        {
            using Socket probed = await application.AcceptAsync().WaitAsync(LabNode.Patience);
            kubelet.Shutdown(SocketShutdown.Send);
            Assert.Equal("", await LabPod.ReadAsync(probed, 1));
        }

        await node.WaitForLineAsync("close_reason=Completed");
    }

    [LabFact]
    public async Task Another_client_is_no_prober_and_a_silent_one_does_not_stay()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { HandshakeTimeoutMs = 200 });
        LabPod pod = await StrictPodAsync(node);
        LabPod other = await node.AddPodAsync("other");
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket uncaptured = other.OpenMarked();
            await uncaptured.ConnectAsync(pod.Address, HttpPort);
            await LabPod.AskAsync(uncaptured, Probe);
        });
        await node.WaitForLineAsync("close_reason=PolicyDenied", "src.addr=10.9.2.2");

        using Socket silent = await LabPod.ConnectAsync(node.Host.Network, pod.Address, HttpPort);
        await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(silent, 1));
        await node.WaitForLineAsync("close_reason=ProbeRefused", "nothing in time");
    }

    [LabFact]
    public async Task Where_policy_admits_plaintext_the_node_may_ask_anything()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod pod = await node.AddPodAsync("cart", new PodProbe(PodProbeKind.Http, HttpPort, "/healthz", ""));
        pod.Echo(HttpPort);
        using Socket client = await LabPod.ConnectAsync(node.Host.Network, pod.Address, HttpPort);
        Assert.Equal("anything", await LabPod.AskAsync(client, "anything"));
    }

    private static async Task<LabPod> StrictPodAsync(LabNode node)
    {
        LabPod pod = await node.AddPodAsync(
            "cart",
            new PodProbe(PodProbeKind.Http, HttpPort, "/healthz", ""),
            new PodProbe(PodProbeKind.Tcp, TcpPort, "", ""),
            new PodProbe(PodProbeKind.Tcp, TcpPort + 10, "", ""));
        node.BeStrict();
        pod.Echo(HttpPort);
        pod.Echo(TcpPort);
        pod.Echo(OtherPort);
        return pod;
    }

    private static async Task AssertResetAsync(LabNode node, LabPod pod, int port, string text)
    {
        // The reset may come before the connect is known to have succeeded, or before the text has been sent.
        SocketException reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket client = await LabPod.ConnectAsync(node.Host.Network, pod.Address, port);
            await LabPod.AskAsync(client, text);
        });
        Assert.Contains(reset.SocketErrorCode, (SocketError[])[SocketError.ConnectionReset, SocketError.Shutdown]);
    }

    private static async Task<string> ReadAfterAsync(Socket socket, string text, int bytes)
    {
        await socket.SendAsync(Encoding.ASCII.GetBytes(text), SocketFlags.None);
        return await LabPod.ReadAsync(socket, bytes);
    }
}
