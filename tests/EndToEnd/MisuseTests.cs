using System.Net;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyMisuseTests(TproxyLab fixture) : MisuseTests(fixture);

[Collection(nameof(RedirectGroup))]
public sealed class RedirectMisuseTests(RedirectLab fixture) : MisuseTests(fixture);

/// <summary>
/// What nobody should do, and what many do at once. Goal: nothing borrows an identity, crosses over to another, or stays broken.
/// </summary>
public abstract class MisuseTests(TwoNodeLab fixture) : IsolatedTests(fixture)
{
    private const int Port = 8080;

    /// <summary>What the proxy puts on its own sockets, and an application that may set marks can put on its own too.</summary>
    private const int OwnMark = 0x539;

    private const int LevelSocket = 1; // SOL_SOCKET
    private const int OptionMark = 36; // SO_MARK

    private static readonly int[] s_capturePorts = [15001, 15006, 15008, 15053];
    private static readonly AddressFamily[] s_families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    /// <summary>Every way to a capture port of server-2: from outside the mesh, from another node, from the same node.</summary>
    public static TheoryData<string, int> Dials()
    {
        var dials = new TheoryData<string, int>();
        foreach (string client in (string[])["outside/client-1", "mesh/client-1", "mesh/client-2"])
        {
            foreach (int port in s_capturePorts)
            {
                dials.Add(client, port);
            }
        }

        return dials;
    }

    [LabTheory]
    [MemberData(nameof(Dials))]
    public async Task A_direct_dial_of_a_capture_port_is_refused_by_name(string clientName, int port)
    {
        LabPod client = await Lab.PodAsync(clientName);
        LabPod server = await Lab.PodAsync("mesh/server-2");

        // The one port that is open to strangers, to prove themselves.
        bool isHandshake = port == HboneClient.Port && clientName.StartsWith("outside/", StringComparison.Ordinal);
        string reason = isHandshake ? "HandshakeFailed" : "CapturePortRefused";
        string node = clientName.StartsWith("outside/", StringComparison.Ordinal) ? server.Node : client.Node;
        foreach (AddressFamily family in s_families)
        {
            Outcome outcome = await Attempt.AnEchoAsync(client, server.EndPoint(port, family));

            AssertTurnedAway(outcome, isHandshake);
            await Fixture.AccessLineAsync(node, line => line.CloseReason == reason && IsFrom(line, client.Address(family)));
        }
    }

    [LabTheory]
    [InlineData(15001, "CapturePortRefused")]
    [InlineData(15006, "CapturePortRefused")]
    [InlineData(15008, "HandshakeFailed")]
    public async Task A_pod_that_dials_its_own_capture_ports_is_refused_by_name(int port, string reason)
    {
        LabPod pod = await Lab.PodAsync("mesh/server-2");
        foreach (AddressFamily family in s_families)
        {
            IPAddress loopback = family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback;
            foreach (IPAddress address in (IPAddress[])[pod.Address(family), loopback])
            {
                AssertTurnedAway(await Attempt.AnEchoAsync(pod, new IPEndPoint(address, port)), isHandshake: port == HboneClient.Port);
                await Fixture.AccessLineAsync(pod.Node, line => line.CloseReason == reason && IsFrom(line, address));
            }
        }
    }

    [LabTheory]
    [InlineData(15001)]
    [InlineData(15006)]
    [InlineData(15008)]
    public async Task A_capture_port_refuses_by_name_what_carries_the_proxys_own_mark(int port)
    {
        LabPod pod = await Lab.PodAsync("mesh/server-2");
        foreach (AddressFamily family in s_families)
        {
            AssertTurnedAway(await Attempt.AnEchoAsync(pod, pod.EndPoint(port, family), prepare: Mark));

            await Fixture.AccessLineAsync(pod.Node, line => line.CloseReason == "OwnMarkRefused" && IsFrom(line, pod.Address(family)));
        }
    }

    [LabTheory]
    [InlineData("mesh/client-1")]
    [InlineData("mesh/client-2")]
    public async Task Whoever_carries_the_proxys_own_mark_leaves_the_mesh_and_his_identity_behind(string clientName)
    {
        LabPod client = await Lab.PodAsync(clientName);
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        await EstablishAsync(
            """
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata: {name: strict, namespace: mesh}
            spec: {mtls: {mode: STRICT}}
            """);
        foreach (AddressFamily family in s_families)
        {
            Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(client, echo.EndPoint(family)));
            Assert.Equal(Outcome.Reset, await Attempt.AnEchoAsync(client, echo.EndPoint(family), prepare: Mark));
            await Fixture.AccessLineAsync(
                "node-2",
                line => line is { Path: "InboundPlaintext", CloseReason: "PolicyDenied" } && IsFrom(line, client.Address(family)));
        }
    }

    [LabTheory]
    [InlineData(15001)]
    [InlineData(15006)]
    [InlineData(15008)]
    [InlineData(15053)]
    public async Task A_service_whose_target_is_a_capture_port_is_refused_by_name(int port)
    {
        await EstablishAsync(Service("trap", "server-2", port));
        LabPod client = await Lab.PodAsync("mesh/client-1");
        foreach (IPAddress address in await ServiceAddressesAsync("trap"))
        {
            AssertTurnedAway(await Attempt.AnEchoAsync(client, new IPEndPoint(address, 80)));
            await Fixture.AccessLineAsync(
                client.Node, line => line.CloseReason == "CapturePortRefused" && IsFrom(line, client.Address(address.AddressFamily)));
        }
    }

    [LabFact]
    public async Task A_pod_that_calls_its_own_service_gets_its_own_answer()
    {
        await EstablishAsync(Service("own", "server-2", Port));
        LabPod pod = await Lab.PodAsync("mesh/server-2");
        await using EchoServer echo = await EchoServer.StartAsync(pod, Port);

        foreach (IPAddress address in await ServiceAddressesAsync("own"))
        {
            Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(pod, new IPEndPoint(address, 80)));
        }

        foreach (AddressFamily family in s_families)
        {
            IPAddress loopback = family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback;
            Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(pod, echo.EndPoint(family)));
            Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(pod, new IPEndPoint(loopback, Port)));
        }
    }

    [LabFact]
    public async Task Twenty_thousand_plaintext_connections_from_one_address_all_succeed()
    {
        const int Count = 20_000;
        const int AtOnce = 16;
        LabPod client = await Lab.PodAsync("outside/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        var outcomes = new System.Collections.Concurrent.ConcurrentDictionary<Outcome, int>();

        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async _ =>
        {
            for (int number = 0; number < Count / AtOnce; number++)
            {
                outcomes.AddOrUpdate(await Attempt.AnEchoAsync(client, echo.EndPoint()), 1, (_, count) => count + 1);
            }
        }));

        Assert.Equal([KeyValuePair.Create(Outcome.Answered, Count)], outcomes);
        Assert.All(echo.Clients, seen => Assert.Equal(client.Address4, seen.Address));
    }

    [LabFact]
    public async Task Two_pods_of_one_account_on_one_node_never_take_each_others_connections()
    {
        const int Count = 10_000;
        LabPod allowed = await AddPodAsync("mesh/twin-a", "twin");
        LabPod denied = await AddPodAsync("mesh/twin-b", "twin");
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        await EstablishAsync(
            $$$"""
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: twins, namespace: mesh}
            spec:
              selector: {matchLabels: {app: server-2}}
              action: ALLOW
              rules:
              - from:
                - source:
                    ipBlocks: ["{{{allowed.Address4}}}"]
            """);

        int crossings = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async worker =>
        {
            for (int number = 0; number < Count / 8; number++)
            {
                bool isAllowed = (number + worker) % 2 == 0;
                Outcome outcome = await Attempt.AnEchoAsync(isAllowed ? allowed : denied, echo.EndPoint());
                if (outcome != (isAllowed ? Outcome.Answered : Outcome.Reset))
                {
                    Interlocked.Increment(ref crossings);
                }
            }
        }));

        Assert.Equal(0, crossings);
        Assert.DoesNotContain(echo.Clients, seen => seen.Address.Equals(denied.Address4));
    }

    private static void Mark(Socket socket) => socket.SetRawSocketOption(LevelSocket, OptionMark, BitConverter.GetBytes(OwnMark));

    /// <param name="isHandshake">At the port for mutual TLS an alert says why, before the end.</param>
    private static void AssertTurnedAway(Outcome outcome, bool isHandshake = false)
    {
        Assert.True(outcome is Outcome.Reset or Outcome.Refused || (isHandshake && outcome == Outcome.Ended), outcome.ToString());
    }

    private static bool IsFrom(AccessLogLine line, IPAddress address)
    {
        return IPEndPoint.TryParse(line.SourceAddress ?? "", out IPEndPoint? source) && source.Address.Equals(address);
    }

    private static string Service(string name, string app, int targetPort) =>
        $$"""
        apiVersion: v1
        kind: Service
        metadata: {name: {{name}}, namespace: mesh}
        spec:
          selector: {app: {{app}}}
          ports: [{name: tcp, port: 80, targetPort: {{targetPort}}}]
        """;

    private async Task<IReadOnlyList<IPAddress>> ServiceAddressesAsync(string name)
    {
        IReadOnlyList<string> addresses = (await Lab.StatusAsync()).Services.Single(service => service.Name == name).Addresses;
        Assert.Equal(2, addresses.Count);
        return [.. addresses.Select(IPAddress.Parse)];
    }
}
