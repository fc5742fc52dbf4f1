using System.Net.Sockets;
using System.Text;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyWireTests(TproxyLab fixture) : WireTests(fixture);

[Collection(nameof(RedirectGroup))]
public sealed class RedirectWireTests(RedirectLab fixture) : WireTests(fixture);

/// <summary>
/// What stands on the wire between the nodes. Goal: the same two applications, the same bytes; with the mesh off they can be read by
/// whoever captures packets, with it on they cannot.
/// </summary>
public abstract class WireTests(TwoNodeLab fixture) : IsolatedTests(fixture)
{
    [LabTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task What_a_client_sends_can_be_read_on_the_link_with_the_mesh_off_and_not_with_it_on(AddressFamily family)
    {
        await SetMeshAsync(isOn: false);
        LabPod client = await Lab.PodAsync("mesh/wire-client");
        LabPod server = await Lab.PodAsync("mesh/wire-server");
        await using EchoServer echo = await EchoServer.StartAsync(server, 8080);
        await using PacketCapture capture = await Lab.CaptureLinkAsync();

        byte[] open = await SendMarkerAsync(client, echo, family);
        Assert.True(await capture.WaitForAsync(open, TimeSpan.FromSeconds(20)));

        await SetMeshAsync(isOn: true);
        byte[] hidden = await SendMarkerAsync(client, echo, family);

        await Fixture.SettleAsync(capture);
        Assert.False(capture.Has(hidden));
    }

    private async Task SetMeshAsync(bool isOn)
    {
        string label = $"istio.io/dataplane-mode: {(isOn ? "ambient" : "none")}";
        await AddPodAsync("mesh/wire-client", "client", node: 1, label);
        await AddPodAsync("mesh/wire-server", "server", node: 2, label);
    }

    private static async Task<byte[]> SendMarkerAsync(LabPod client, EchoServer echo, AddressFamily family)
    {
        string marker = $"marker-{Guid.NewGuid()}";
        using Socket connection = await client.ConnectAsync(echo.EndPoint(family));
        Assert.Equal(marker, await connection.EchoAsync(marker));
        return Encoding.ASCII.GetBytes(marker);
    }
}
