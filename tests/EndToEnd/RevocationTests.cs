using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>Certificates that are revoked while they are used. Goal: what they vouched for ends at once, and nothing more begins.</summary>
[Collection(nameof(TproxyGroup))]
public sealed class RevocationTests(TproxyLab fixture)
{
    private const int Port = 8080;

    private static readonly TimeSpan s_promptly = TimeSpan.FromSeconds(5);

    private readonly MeshLab _lab = fixture.Lab;

    [LabTheory]
    [InlineData("mesh/doomed-1", 1, "mesh/server-2", "node-2")]
    [InlineData("mesh/doomed-2", 2, "mesh/client-1", "node-1")]
    public async Task A_revoked_certificate_ends_open_connections_and_opens_none(string doomedName, int node, string otherName, string witness)
    {
        await _lab.ApplyAsync(TwoNodeLab.Pod(doomedName, node, account: doomedName.Split('/')[1]));
        await fixture.ReadyAsync();
        LabPod doomed = await _lab.PodAsync(doomedName);
        LabPod other = await _lab.PodAsync(otherName);

        // The doomed one is the client of a server on the other node, or the server of a client there.
        (LabPod client, LabPod server) = node == 1 ? (doomed, other) : (other, doomed);
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());
        using Socket open = await client.ConnectAsync(echo.EndPoint(), TestContext.Current.CancellationToken);
        Assert.Equal("before", await open.EchoAsync("before"));

        await _lab.ControlAsync("ca", "revoke", "--identity", $"spiffe://cluster.local/ns/mesh/sa/{doomedName.Split('/')[1]}");

        Assert.Equal(ConnectionEnd.Reset, await open.WaitForEndAsync(s_promptly));
        Assert.Equal(Outcome.Reset, await Attempt.AnEchoAsync(client, echo.EndPoint()));
        await Eventually.TrueAsync(
            async () => (await (await _lab.NodeAsync(witness)).ProxyLogAsync()).Contains("PeerCertificateRevoked", StringComparison.Ordinal),
            s_promptly,
            "the reason in the log");
        await _lab.DeleteAsync("Pod", doomedName);
    }
}
