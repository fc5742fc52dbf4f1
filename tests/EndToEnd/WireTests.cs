using System.Net.Sockets;
using System.Text;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// What stands on the wire between the nodes. Goal: the same two applications, the same bytes; with the mesh off they can be read by
/// whoever
/// captures packets, with it on they cannot.
/// </summary>
public sealed class WireTests(TproxyLab fixture) : IClassFixture<TproxyLab>
{
    private readonly MeshLab _lab = fixture.Lab;

    [LabTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task What_a_client_sends_can_be_read_on_the_link_with_the_mesh_off_and_not_with_it_on(AddressFamily family)
    {
        await ApplyAsync(isCaptured: false);
        LabPod client = await _lab.PodAsync("mesh/wire-client");
        LabPod server = await _lab.PodAsync("mesh/wire-server");
        await using EchoServer echo = await EchoServer.StartAsync(server, 8080);
        await using PacketCapture capture = await _lab.CaptureLinkAsync();

        byte[] open = await SendMarkerAsync(client, echo, family);
        Assert.True(await capture.WaitForAsync(open, TimeSpan.FromSeconds(5)));

        await ApplyAsync(isCaptured: true);
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint(family));
        byte[] hidden = await SendMarkerAsync(client, echo, family);

        await fixture.SettleAsync(capture);
        Assert.False(capture.Has(hidden));
        await _lab.DeleteAsync("Pod", "mesh/wire-client");
        await _lab.DeleteAsync("Pod", "mesh/wire-server");
    }

    private async Task ApplyAsync(bool isCaptured)
    {
        string label = $"istio.io/dataplane-mode: {(isCaptured ? "ambient" : "none")}";
        await _lab.ApplyAsync(TwoNodeLab.Pod("mesh/wire-client", 1, "client", label));
        await _lab.ApplyAsync(TwoNodeLab.Pod("mesh/wire-server", 2, "server", label));
        await fixture.ReadyAsync();
    }

    private static async Task<byte[]> SendMarkerAsync(LabPod client, EchoServer echo, AddressFamily family)
    {
        string marker = $"marker-{Guid.NewGuid()}";
        using Socket connection = await client.ConnectAsync(echo.EndPoint(family));
        Assert.Equal(marker, await connection.EchoAsync(marker));
        return Encoding.ASCII.GetBytes(marker);
    }
}
