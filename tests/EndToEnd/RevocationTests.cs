using System.Net.Sockets;
using System.Text.Json.Nodes;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Certificates that are revoked while they are used. Goal: what they vouched for ends at once, and a workload that may go on has another
/// certificate long before the half life of its first.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed class RevocationTests(TproxyLab fixture)
{
    private const int Port = 8080;

    private static readonly TimeSpan s_promptly = TimeSpan.FromSeconds(20);

    // Certificates live for a day here: whatever comes within this is no renewal.
    private static readonly TimeSpan s_replaced = TimeSpan.FromSeconds(30);

    private readonly MeshLab _lab = fixture.Lab;

    [LabTheory]
    [InlineData("mesh/doomed-1", 1, "mesh/server-2", "node-2")]
    [InlineData("mesh/doomed-2", 2, "mesh/client-1", "node-1")]
    public async Task A_revoked_certificate_ends_open_connections_and_is_replaced(string doomedName, int node, string otherName, string witness)
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

        string identity = $"spiffe://cluster.local/ns/mesh/sa/{doomedName.Split('/')[1]}";
        LabNode home = await _lab.NodeAsync($"node-{node}");
        string? serial = await SerialOfAsync(home, identity);
        Assert.NotNull(serial);
        await _lab.ControlAsync("ca", "revoke", "--identity", identity);

        Assert.Equal(ConnectionEnd.Reset, await open.WaitForEndAsync(s_promptly));
        await Eventually.TrueAsync(
            async () => (await (await _lab.NodeAsync(witness)).ProxyLogAsync()).Contains("PeerCertificateRevoked", StringComparison.Ordinal),
            s_promptly,
            "the reason in the log");

        await Eventually.TrueAsync(
            async () => await SerialOfAsync(home, identity) is string next && next != serial, s_replaced, "another certificate");
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());
        await _lab.DeleteAsync("Pod", doomedName);
    }

    private static async Task<string?> SerialOfAsync(LabNode node, string identity)
    {
        JsonArray certificates = JsonNode.Parse(await node.AdminAsync("/certs"))!.AsArray();
        JsonNode? entry = certificates.FirstOrDefault(entry => (string?)entry!["identity"] == identity);
        return (string?)entry?["certChain"]?.AsArray().FirstOrDefault()?["serialNumber"];
    }
}
