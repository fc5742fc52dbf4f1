using System.Net.Sockets;
using System.Text.Json.Nodes;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>A lab whose workload certificates live for seconds.</summary>
public sealed class ShortLivedLab : TwoNodeLab
{
    protected override LabOptions Options => new() { CertificateLifetime = "8s" };
}

/// <summary>Certificates and roots that are replaced while they are used.</summary>
public sealed class RotationTests(ShortLivedLab fixture) : IClassFixture<ShortLivedLab>
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    private readonly MeshLab _lab = fixture.Lab;

    [LabFact]
    public async Task Fifty_rotations_under_load_fail_no_request_and_no_open_connection()
    {
        const int Rotations = 50;
        await UnderLoadAsync(async (nodes, open) =>
        {
            HashSet<string> serials = [.. (await CertificatesAsync(nodes)).Select(SerialOf)];
            int first = serials.Count;
            await Eventually.TrueAsync(
                async () =>
                {
                    serials.UnionWith((await CertificatesAsync(nodes)).Select(SerialOf));
                    Assert.Equal("still here", await open.EchoAsync("still here"));
                    return serials.Count >= first + Rotations;
                },
                s_limit,
                $"{Rotations} rotations");
        });
    }

    [LabFact]
    public async Task A_rotation_of_the_root_with_overlap_fails_no_request()
    {
        await UnderLoadAsync(async (nodes, _) =>
        {
            string former = Assert.Single((await CertificatesAsync(nodes)).Select(IssuerOf).Distinct());

            await _lab.ControlAsync("ca", "rotate", "--overlap", "3s");

            await UntilEachAsync(nodes, certificate => IssuerOf(certificate) != former, "signed by the new root");
            await UntilEachAsync(nodes, certificate => certificate["rootCerts"]!.AsArray().Count == 1, "given without the former root");
        });
    }

    /// <summary>
    /// Runs the body while requests cross from node to node, each on a connection of its own, and one connection stays open.
    /// </summary>
    private async Task UnderLoadAsync(Func<LabNode[], Socket, Task> body)
    {
        LabPod client = await _lab.PodAsync("mesh/client-1");
        LabNode[] nodes = [await _lab.NodeAsync("node-1"), await _lab.NodeAsync("node-2")];
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), 8080);
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());

        // The accounts of the clients and of the servers have a certificate each on either node.
        await Eventually.TrueAsync(async () => (await CertificatesAsync(nodes)).Count == 4, s_limit, "every account has its certificate");
        using Socket open = await client.ConnectAsync(echo.EndPoint(), TestContext.Current.CancellationToken);
        using var life = new CancellationTokenSource();
        Task<List<Outcome>>[] load = [.. Enumerable.Range(0, 4).Select(_ => LoadAsync(client, echo, life.Token))];
        try
        {
            await body(nodes, open);
        }
        finally
        {
            await life.CancelAsync();
            await Task.WhenAll(load);
        }

        Outcome[] outcomes = [.. (await Task.WhenAll(load)).SelectMany(outcome => outcome)];
        Assert.All(outcomes, outcome => Assert.Equal(Outcome.Answered, outcome));
        Assert.True(outcomes.Length > 50, $"{outcomes.Length} requests prove little.");
    }

    private static async Task<List<Outcome>> LoadAsync(LabPod client, EchoServer echo, CancellationToken cancellation)
    {
        var outcomes = new List<Outcome>();
        while (!cancellation.IsCancellationRequested)
        {
            outcomes.Add(await Attempt.AnEchoAsync(client, echo.EndPoint()));
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, CancellationToken.None);
        }

        return outcomes;
    }

    private static Task UntilEachAsync(LabNode[] nodes, Predicate<JsonNode> condition, string what)
    {
        return Eventually.TrueAsync(
            async () => (await CertificatesAsync(nodes)).TrueForAll(condition), s_limit, $"every certificate is {what}");
    }

    private static async Task<List<JsonNode>> CertificatesAsync(LabNode[] nodes)
    {
        string[] pages = await Task.WhenAll(nodes.Select(node => node.AdminAsync("/certs")));
        return [.. pages.SelectMany(page => JsonNode.Parse(page)!.AsArray()).OfType<JsonNode>().Where(HasCertificate)];
    }

    private static bool HasCertificate(JsonNode identity) => identity["certChain"]!.AsArray().Count > 0;

    private static string SerialOf(JsonNode certificate) => certificate["certChain"]![0]!["serialNumber"]!.GetValue<string>();

    private static string IssuerOf(JsonNode certificate) => certificate["certChain"]![0]!["issuer"]!.GetValue<string>();
}
