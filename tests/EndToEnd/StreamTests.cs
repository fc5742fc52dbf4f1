using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Node.Protocols.Http2;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// How the two ends of a connection carried by a stream learn what became of each other, where a peer's own words on the wire show it.
/// Goal: what was cut is never taken for a whole.
/// </summary>
public sealed class StreamTests(SuppliedAuthorityLab fixture) : IClassFixture<SuppliedAuthorityLab>
{
    private const int Port = 8080;

    private static readonly TimeSpan s_promptly = TimeSpan.FromSeconds(20);

    private readonly MeshLab _lab = fixture.Lab;

    [LabFact]
    public Task An_applications_reset_is_told_as_a_connect_error() => JoinAsync(async (peer, application) =>
    {
        application.Reset();
        Assert.Equal(Http2ErrorCode.ConnectError, await peer.WaitForResetAsync());
    });

    [LabTheory]
    [InlineData(Http2ErrorCode.NoError)]
    [InlineData(Http2ErrorCode.Cancel)]
    [InlineData(Http2ErrorCode.ConnectError)]
    public Task A_stream_that_its_peer_resets_is_a_reset_to_the_application(Http2ErrorCode code)
    {
        return AssertCutAsync(peer => peer.ResetAsync(code));
    }

    [LabFact]
    public Task A_tunnel_that_ends_in_good_order_under_an_open_stream_is_a_reset_to_the_application()
    {
        return AssertCutAsync(peer => peer.HangUpAsync());
    }

    private Task AssertCutAsync(Func<HbonePeer, Task> cutAsync) => JoinAsync(async (peer, application) =>
    {
        await peer.SendAsync("half of it");
        Assert.True(await application.TryReceiveExactlyAsync(new byte["half of it".Length]));

        await cutAsync(peer);

        Assert.Equal(ConnectionEnd.Reset, await application.WaitForEndAsync(s_promptly));
    });

    private async Task JoinAsync(Func<HbonePeer, Socket, Task> body)
    {
        LabPod visitor = await _lab.PodAsync("outside/client-1");
        using Rendezvous meeting = await Rendezvous.OpenAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await using HbonePeer peer = await HbonePeer.ConnectAsync(
            visitor, fixture.Signing.Issue("spiffe://cluster.local/ns/outside/sa/visitor"), meeting.EndPoint());
        using Socket application = await meeting.AcceptAsync();
        await body(peer, application);
    }
}
