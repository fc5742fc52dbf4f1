using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

public sealed class TproxyMisuseTests(TproxyLab fixture) : MisuseTests(fixture), IClassFixture<TproxyLab>;

public sealed class RedirectMisuseTests(RedirectLab fixture) : MisuseTests(fixture), IClassFixture<RedirectLab>;

/// <summary>
/// What nobody should do, and what many do at once. Goal: nothing borrows an identity, crosses over to another, or stays broken.
/// </summary>
public abstract class MisuseTests(TwoNodeLab fixture)
{
    private const int Port = 8080;

    private readonly MeshLab _lab = fixture.Lab;

    public static TheoryData<string, string, int> Dials()
    {
        var dials = new TheoryData<string, string, int>();
        foreach (string client in (string[])["outside/client-1", "mesh/client-1", "mesh/client-2", "mesh/server-2"])
        {
            foreach (int port in (int[])[15001, 15006, 15053])
            {
                dials.Add(client, "mesh/server-2", port);
            }
        }

        return dials;
    }

    [LabTheory]
    [MemberData(nameof(Dials))]
    public async Task A_direct_dial_of_a_capture_port_leads_nowhere(string clientName, string serverName, int port)
    {
        LabPod client = await _lab.PodAsync(clientName);
        LabPod server = await _lab.PodAsync(serverName);

        foreach (AddressFamily family in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            Outcome outcome = await Attempt.AnEchoAsync(client, server.EndPoint(port, family));
            Assert.True(outcome is Outcome.Reset or Outcome.Refused, $"{family}: {outcome}");
        }
    }

    [LabFact]
    public async Task A_service_whose_target_is_a_capture_port_leads_nowhere()
    {
        await _lab.ApplyAsync(
            """
            apiVersion: v1
            kind: Service
            metadata: {name: trap, namespace: mesh}
            spec: {selector: {app: server-2}, ports: [{name: tcp, port: 80, targetPort: 15001}]}
            """);
        LabPod client = await _lab.PodAsync("mesh/client-1");
        IPAddress address = await ServiceAddressAsync("trap");

        Outcome outcome = await Attempt.AnEchoAsync(client, new IPEndPoint(address, 80));

        Assert.True(outcome is Outcome.Reset or Outcome.Refused, outcome.ToString());
        await _lab.DeleteAsync("Service", "mesh/trap");
    }

    [LabFact]
    public async Task A_pod_that_calls_its_own_service_gets_its_own_answer()
    {
        await _lab.ApplyAsync(
            """
            apiVersion: v1
            kind: Service
            metadata: {name: own, namespace: mesh}
            spec: {selector: {app: server-2}, ports: [{name: tcp, port: 80, targetPort: 8080}]}
            """);
        LabPod pod = await _lab.PodAsync("mesh/server-2");
        await using EchoServer echo = await EchoServer.StartAsync(pod, Port);
        IPAddress address = await ServiceAddressAsync("own");

        await Attempt.UntilAsync(Outcome.Answered, pod, new IPEndPoint(address, 80));
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(pod, echo.EndPoint()));
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(pod, new IPEndPoint(IPAddress.Loopback, Port)));
        await _lab.DeleteAsync("Service", "mesh/own");
    }

    [LabFact]
    public async Task Twenty_thousand_plaintext_connections_from_one_address_all_succeed()
    {
        const int Count = 20_000;
        const int AtOnce = 16;
        LabPod client = await _lab.PodAsync("outside/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
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
        await _lab.ApplyAsync(TwoNodeLab.Pod("mesh/twin-a", 1, "twin") + "---\n" + TwoNodeLab.Pod("mesh/twin-b", 1, "twin"));
        await fixture.ReadyAsync();
        LabPod allowed = await _lab.PodAsync("mesh/twin-a");
        LabPod denied = await _lab.PodAsync("mesh/twin-b");
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await _lab.ApplyAsync(
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
        await Attempt.UntilAsync(Outcome.Reset, denied, echo.EndPoint());
        await Attempt.UntilAsync(Outcome.Answered, allowed, echo.EndPoint());

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
        await _lab.DeleteAsync("AuthorizationPolicy", "mesh/twins");
        await _lab.DeleteAsync("Pod", "mesh/twin-a");
        await _lab.DeleteAsync("Pod", "mesh/twin-b");
    }

    [LabFact]
    public async Task A_proxy_without_descriptors_left_refuses_and_recovers_when_it_has_some_again()
    {
        const int Descriptors = 300;
        LabPod client = await _lab.PodAsync("mesh/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());
        await LimitDescriptorsAsync("node-1/proxy", Descriptors);
        var open = new List<Socket>();
        try
        {
            int unanswered = 0;
            while (unanswered == 0 && open.Count < Descriptors * 2)
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
                Socket socket = await client.ConnectAsync(echo.EndPoint(), limit.Token);
                open.Add(socket);
                unanswered += await AnswersAsync(socket) ? 0 : 1;
            }

            Assert.NotEqual(0, unanswered);
            LabNode node = await _lab.NodeAsync("node-1");
            Assert.True((await _lab.StatusAsync()).Components.Single(component => component.Name == node.Proxy).State == "running");
        }
        finally
        {
            open.ForEach(socket => socket.Dispose());
        }

        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());
        for (int number = 0; number < 50; number++)
        {
            Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(client, echo.EndPoint()));
        }

        await LimitDescriptorsAsync("node-1/proxy", 10_000);
    }

    private async Task LimitDescriptorsAsync(string component, int count)
    {
        int process = (await _lab.StatusAsync()).Components.Single(status => status.Name == component).ProcessId!.Value;
        string command = string.Create(CultureInfo.InvariantCulture, $"prlimit --pid {process} --nofile={count}:");
        CommandResult limited = await _lab.ExecuteAsync("node-1", command.Split(' '));
        Assert.Equal(0, limited.ExitCode);
    }

    private static async Task<bool> AnswersAsync(Socket socket)
    {
        try
        {
            return await socket.EchoAsync("ping") == "ping";
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<IPAddress> ServiceAddressAsync(string name)
    {
        return IPAddress.Parse((await _lab.StatusAsync()).Services.Single(service => service.Name == name).Addresses[0]);
    }
}
