using System.Globalization;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyEgressTests(TproxyLab fixture) : EgressTests(fixture);

/// <summary>
/// What leaves the mesh. Goal: YAML for entries, TLS and outboundTrafficPolicy holds as it is written. Method: curl in a pod, and servers of
/// OpenSSL and Python in the network of a node, of which the mesh knows nothing else.
/// </summary>
public abstract class EgressTests(TwoNodeLab fixture) : IsolatedTests(fixture)
{
    private const string Outside = "node-2";
    private const int PlainPort = 18_080;
    private const int TlsPort = 18_443;

    [LabFact]
    public async Task TLS_is_begun_with_a_server_outside_and_its_certificate_decides()
    {
        string address = (await Lab.NodeAsync(Outside)).Address4.ToString();
        using var ended = new CancellationTokenSource();
        Task<CommandResult> server = Lab.ExecuteAsync(
            Outside,
            [
                "sh", "-c",
                "d=$(mktemp -d) && openssl req -x509 -newkey rsa:2048 -nodes -keyout $d/key -out $d/cert -days 1 -subj /CN=own 2>/dev/null"
                    + $" && exec openssl s_server -accept {Text(TlsPort)} -key $d/key -cert $d/cert -www",
            ],
            cancellation: ended.Token);
        string entry = $$"""
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata: {name: vault, namespace: mesh}
            spec:
              hosts: [vault.example.test]
              addresses: [240.77.0.1]
              ports: [{number: 80, name: http, protocol: HTTP, targetPort: {{Text(TlsPort)}}}]
              resolution: STATIC
              endpoints: [{address: {{address}}}]
            ---
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: vault, namespace: mesh}
            spec: {host: vault.example.test, trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true} } }
            """;
        await EstablishAsync(entry);
        await Eventually.TrueAsync(async () => (await CurlAsync("http://240.77.0.1/")).EndsWith(" 200", StringComparison.Ordinal), s_patience);
        Assert.Contains("TLSv1.3", await CurlAsync("http://240.77.0.1/"), StringComparison.Ordinal);

        // Nobody has signed it but itself.
        await EstablishAsync(entry.Replace(", insecureSkipVerify: true", "", StringComparison.Ordinal));
        Assert.EndsWith(" 503", await CurlAsync("http://240.77.0.1/"), StringComparison.Ordinal);
        await ended.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => server);
    }

    [LabFact]
    public async Task A_host_leads_to_its_entry_and_in_a_closed_mesh_no_other_leads_out()
    {
        string url = $"http://{(await Lab.NodeAsync(Outside)).Address4}:{Text(PlainPort)}/";
        using var ended = new CancellationTokenSource();
        Task<CommandResult> server = Lab.ExecuteAsync(
            Outside,
            ["sh", "-c", $"d=$(mktemp -d) && exec python3 -m http.server {Text(PlainPort)} --directory $d"],
            cancellation: ended.Token);
        await EstablishAsync($$"""
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata: {name: site, namespace: mesh}
            spec:
              hosts: [www.example.test]
              ports: [{number: {{Text(PlainPort)}}, name: http, protocol: HTTP}]
            ---
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: site, namespace: mesh}
            spec:
              hosts: [www.example.test]
              http: [{match: [{uri: {exact: /fixed} }], directResponse: {status: 418} }, {route: [{destination: {host: www.example.test} }]}]
            """);
        await Eventually.TrueAsync(
            async () => (await CurlAsync(url, "-H", "Host: www.example.test")).EndsWith(" 200", StringComparison.Ordinal), s_patience);
        Assert.EndsWith(" 418", await CurlAsync($"{url}fixed", "-H", "Host: www.example.test"), StringComparison.Ordinal);
        Assert.EndsWith(" 404", await CurlAsync($"{url}fixed", "-H", "Host: else.test"), StringComparison.Ordinal);
        Assert.EndsWith(" 200", await CurlAsync(url, "-H", "Host: else.test"), StringComparison.Ordinal);

        await EstablishAsync("""
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: istio, namespace: istio-system}
            data:
              mesh: |
                outboundTrafficPolicy: {mode: REGISTRY_ONLY}
            """);
        Assert.EndsWith(" 200", await CurlAsync(url, "-H", "Host: www.example.test"), StringComparison.Ordinal);
        Assert.EndsWith(" 502", await CurlAsync(url, "-H", "Host: else.test"), StringComparison.Ordinal);
        await ended.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => server);
    }

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    /// <summary>What curl in a pod was answered, and the status behind it.</summary>
    private async Task<string> CurlAsync(string url, params string[] more)
    {
        LabPod client = await Lab.PodAsync("mesh/client-1");
        CommandResult result = await client.ExecuteAsync(["curl", "-sS", "--max-time", "30", "-w", " %{http_code}", .. more, url]);
        return result.Output;
    }
}
