using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Ports that declare nothing. Goal: requests there are routed and judged, a server that speaks first is waited for once, and TLS of an
/// application passes with its name known. Method: curl in a pod, servers on its node and on another.
/// </summary>
[Collection(nameof(ShortTimesGroup))]
public sealed class ProtocolDetectionTests(ShortTimesLab fixture) : IsolatedTests(fixture)
{
    public static TheoryData<int> Nodes => [1, 2];

    [LabTheory]
    [MemberData(nameof(Nodes))]
    public async Task Requests_are_routed_and_judged(int node)
    {
        string service = $"undeclared-web-{node}";
        await PlaceAsync(service, node, ["lab-app", "http", "--port", "8080", "--name", "found"]);
        await EstablishAsync(
            $$$"""
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: {{{service}}}, namespace: mesh}
            spec:
              hosts: [{{{service}}}]
              http:
              - match: [{uri: {prefix: /broken}}]
                fault: {abort: {httpStatus: 555, percentage: {value: 100} } }
                route: [{destination: {host: {{{service}}}}}]
              - route: [{destination: {host: {{{service}}}}}]
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: {{{service}}}, namespace: mesh}
            spec:
              selector: {matchLabels: {app: {{{service}}}}}
              rules: [{to: [{operation: {methods: [GET], notPaths: ["/closed*"]}}]}]
            """);
        LabPod client = await Lab.PodAsync("mesh/client-1");
        string url = $"http://{await Lab.AddressAsync(service)}";

        // The application speaks HTTP/1.1 alone, so only what the client's own proxy answers can be asked for in HTTP/2.
        foreach ((string version, string path, string code) in (IEnumerable<(string, string, string)>)
            [("--http1.1", "/broken", "555"), ("--http1.1", "/closed", "403"), ("--http2-prior-knowledge", "/broken", "555")])
        {
            Assert.Equal(code, await client.OutputAsync(
                "curl", "-sS", "--max-time", "60", version, "-o", "/dev/null", "-w", "%{http_code}", url + path));
        }

        Assert.Contains("\"found\"", await client.OutputAsync("curl", "-sS", "--max-time", "60", $"{url}/"), StringComparison.Ordinal);
    }

    [LabTheory]
    [MemberData(nameof(Nodes))]
    public async Task A_server_that_speaks_first_is_waited_for_once(int node)
    {
        string service = $"undeclared-mail-{node}";
        await PlaceAsync(service, node, ["lab-app", "lines", "--port", "8080", "--greeting", "220 ready"]);
        LabPod client = await Lab.PodAsync("mesh/client-1");
        var target = new IPEndPoint(IPAddress.Parse(await Lab.AddressAsync(service)), 80);

        Assert.Equal("220 ready", (await GreetingAsync(client, target)).Text);

        // The next need not wait. Among several, so that none of them being kept from running for so long decides.
        TimeSpan least = TimeSpan.MaxValue;
        for (int i = 0; i < 5; i++)
        {
            (string text, TimeSpan time) = await GreetingAsync(client, target);
            Assert.Equal("220 ready", text);
            least = time < least ? time : least;
        }

        Assert.InRange(least.TotalMilliseconds, 0, ShortTimesLab.DetectionTimeMs / 2);
    }

    [LabTheory]
    [MemberData(nameof(Nodes))]
    public async Task TLS_of_an_application_passes_and_its_name_is_known(int node)
    {
        string service = $"undeclared-tls-{node}";
        await PlaceAsync(
            service,
            node,
            [
                "sh", "-c",
                "d=$(mktemp -d) && openssl req -x509 -newkey rsa:2048 -nodes -keyout $d/key -out $d/cert -days 1 -subj /CN=own 2>/dev/null"
                + " && exec openssl s_server -accept 8080 -key $d/key -cert $d/cert -www",
            ]);
        LabPod client = await Lab.PodAsync("mesh/client-1");
        string name = $"{service}.example";

        string page = await client.OutputAsync(
            "curl", "-sSk", "--max-time", "60", "--resolve", $"{name}:80:{await Lab.AddressAsync(service)}", $"https://{name}:80/");

        Assert.Contains("s_server", page, StringComparison.Ordinal);
        LabNode place = await Lab.NodeAsync(client.Node);
        await Eventually.TrueAsync(
            async () => (await place.ProxyLogAsync()).Contains($"\"requested_server_name\":\"{name}\"", StringComparison.Ordinal),
            TimeSpan.FromSeconds(30),
            "the name is in the log");
        await EstablishAsync(
            $$$"""
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: {{{service}}}, namespace: mesh}
            spec:
              selector: {matchLabels: {app: {{{service}}}}}
              action: DENY
              rules: [{when: [{key: connection.sni, values: [{{{name}}}]}]}]
            """);
        string codes = await client.OutputAsync(
            "sh", "-c",
            $"for n in {name} other.example; do curl -sk --max-time 60 -o /dev/null -w '%{{http_code}} ' "
            + $"--resolve $n:80:{await Lab.AddressAsync(service)} https://$n:80/; done; true");
        Assert.Equal("000 200 ", codes);
    }

    private async Task PlaceAsync(string service, int node, string[] command)
    {
        await ApplyAsync(Applications.Pod(service, node, service, command: command) + Applications.Service(service, "undeclared"));
        await Fixture.ReadyAsync();
        await Lab.WaitForListenerAsync($"mesh/{service}");
        await Fixture.SettleAsync();
    }

    private static async Task<(string Text, TimeSpan Time)> GreetingAsync(LabPod client, IPEndPoint target)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        long startedAt = Stopwatch.GetTimestamp();
        using Socket socket = await client.ConnectAsync(target, limit.Token);
        await using var stream = new NetworkStream(socket);
        using var reader = new StreamReader(stream);
        string line = await reader.ReadLineAsync(limit.Token) ?? "";
        return (line, Stopwatch.GetElapsedTime(startedAt));
    }
}
