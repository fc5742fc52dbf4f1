using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.Lab.Tests;

/// <summary>What the lab itself does, without any mesh in it.</summary>
public sealed class BareLabTests(BareLab fixture) : IClassFixture<BareLab>
{
    private readonly MeshLab _lab = fixture.Lab;

    [LabTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Pods_of_two_nodes_reach_each_other_and_see_each_others_addresses(AddressFamily family)
    {
        LabPod client = await _lab.PodAsync("shop/client");
        LabPod server = await _lab.PodAsync("shop/server");
        using Socket listener = await server.ListenAsync(9000);

        using Socket connection = await client.ConnectAsync(server.EndPoint(9000, family), TestContext.Current.CancellationToken);
        using Socket accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);

        IPAddress seen = ((IPEndPoint)accepted.RemoteEndPoint!).Address;
        Assert.Equal(client.Address(family), seen.IsIPv4MappedToIPv6 ? seen.MapToIPv4() : seen);
    }

    [LabTheory]
    [InlineData("-4")]
    [InlineData("-6")]
    public async Task A_service_is_found_by_name_and_leads_to_its_pod(string family)
    {
        LabPod client = await _lab.PodAsync("shop/client");
        LabPod server = await _lab.PodAsync("shop/server");
        using Socket listener = await server.ListenAsync(8080);

        Task<CommandResult> curl = client.ExecuteAsync("curl", family, "--silent", "--show-error", "--max-time", "30", "http://server/");
        using Socket accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(0, await accepted.ReceiveAsync(new byte[1024], TestContext.Current.CancellationToken));
        await accepted.SendAsync("HTTP/1.0 200 OK\r\n\r\nfound"u8.ToArray(), TestContext.Current.CancellationToken);
        accepted.Shutdown(SocketShutdown.Both);

        Assert.Equal(new CommandResult(0, "found", ""), await curl);
    }

    [LabFact]
    public async Task An_object_is_removed_however_its_kind_is_spelt()
    {
        await _lab.ApplyAsync("kind: VirtualService\nmetadata: {name: spelt, namespace: shop}\n");
        await _lab.DeleteAsync("virtualservice", "shop/spelt");

        LabException gone = await Assert.ThrowsAsync<LabException>(() => _lab.DeleteAsync("VirtualService", "shop/spelt"));
        Assert.Contains("nor any other", gone.Message, StringComparison.Ordinal);
    }

    [LabFact]
    public async Task A_service_without_endpoints_and_a_name_nobody_has_fail_at_once()
    {
        LabPod client = await _lab.PodAsync("shop/client");
        await _lab.ApplyAsync("kind: Service\nmetadata: {name: empty, namespace: shop}\nspec: {ports: [{port: 80}]}\n");

        CommandResult refused = await client.ExecuteAsync("curl", "--silent", "--show-error", "--max-time", "5", "http://empty/");
        CommandResult unknown = await client.ExecuteAsync("curl", "--silent", "--show-error", "--max-time", "5", "http://nosuch/");

        Assert.Equal(7, refused.ExitCode);
        Assert.Equal(6, unknown.ExitCode);
        await _lab.DeleteAsync("Service", "shop/empty");
    }

    [LabFact]
    public async Task A_program_that_runs_already_can_enter_the_namespace_of_a_pod_made_later()
    {
        LabNode node = await _lab.NodeAsync("node-1");
        const string UntilEntered = "until nsenter --net=/run/netns/shop.later true 2>/dev/null; do sleep 0.05; done; echo entered";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        Task<CommandResult> program = _lab.ExecuteAsync(
            node.Name, ["sh", "-c", $"echo running >/run/mesh-lab/early; {UntilEntered}"], cancellation: limit.Token);
        await Eventually.TrueAsync(() => File.Exists(_lab.PathInside("/run/mesh-lab/early")), TimeSpan.FromSeconds(30));

        await _lab.ApplyAsync(
            "kind: Pod\nmetadata: {name: later, namespace: shop}\nspec: {nodeName: node-1, containers: [{name: main}]}\n");

        Assert.Equal(new CommandResult(0, "entered\n", ""), await program);
        await _lab.DeleteAsync("Pod", "shop/later");
    }

    [LabFact]
    public async Task What_crosses_the_link_can_be_captured_and_what_stays_on_a_node_does_not_cross_it()
    {
        LabPod client = await _lab.PodAsync("shop/client");
        LabPod server = await _lab.PodAsync("shop/server");
        LabNode near = await _lab.NodeAsync("node-1");
        byte[] crossing = Encoding.ASCII.GetBytes($"marker-{Guid.NewGuid()}");
        byte[] staying = Encoding.ASCII.GetBytes($"marker-{Guid.NewGuid()}");
        await using PacketCapture capture = await _lab.CaptureLinkAsync();

        // The one that stays goes first: once the other has been seen, it would have been seen too.
        using Socket nearListener = await client.ListenAsync(9001);
        using Socket nearSide = await _lab.Place(near.Name).RunOnDedicatedThreadAsync(
            () => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        await nearSide.ConnectAsync(client.EndPoint(9001), TestContext.Current.CancellationToken);
        await nearSide.SendAsync(staying, TestContext.Current.CancellationToken);
        using Socket listener = await server.ListenAsync(9002);
        using Socket connection = await client.ConnectAsync(server.EndPoint(9002), TestContext.Current.CancellationToken);
        await connection.SendAsync(crossing, TestContext.Current.CancellationToken);

        Assert.True(await capture.WaitForAsync(crossing, TimeSpan.FromSeconds(30)));
        Assert.False(capture.Has(staying));
    }

    [LabFact]
    public async Task A_pod_runs_its_command_with_its_environment_and_is_started_again_when_it_ends()
    {
        await _lab.ApplyAsync(
            """
            kind: Pod
            metadata: {name: counter, namespace: shop}
            spec:
              nodeName: node-1
              containers:
              - command: [sh, -c, 'echo "$GREETING from $ADDRESS on $NODE"; exit 3']
                env:
                - {name: GREETING, value: hello}
                - {name: ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
                - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
            """);
        LabPod pod = await _lab.PodAsync("shop/counter");

        string line = $"hello from {pod.Address4} on node-1\n";
        string twice = $"{line}-- ended with status 3\n{line}";
        await Eventually.TrueAsync(
            async () => (await _lab.ReadLogAsync("shop.counter")).StartsWith(twice, StringComparison.Ordinal), TimeSpan.FromSeconds(30));

        await _lab.DeleteAsync("Pod", "shop/counter");
        Assert.DoesNotContain((await _lab.StatusAsync()).Pods, status => status.Name == "counter");
    }

    [LabFact]
    public async Task A_readiness_probe_decides_whether_a_service_leads_to_a_pod()
    {
        await _lab.ApplyAsync(
            """
            kind: Pod
            metadata: {name: probed, namespace: shop, labels: {app: probed}}
            spec:
              nodeName: node-2
              containers: [{readinessProbe: {tcpSocket: {port: 7000}}}]
            ---
            kind: Service
            metadata: {name: probed, namespace: shop}
            spec: {selector: {app: probed}, ports: [{port: 80, targetPort: 7001}]}
            """);
        await Eventually.TrueAsync(async () => (await EndpointsOf("probed")) == 0, TimeSpan.FromSeconds(30));

        LabPod pod = await _lab.PodAsync("shop/probed");
        using (Socket listener = await pod.ListenAsync(7000))
        {
            await Eventually.TrueAsync(async () => (await EndpointsOf("probed")) == 1, TimeSpan.FromSeconds(30));
        }

        await Eventually.TrueAsync(async () => (await EndpointsOf("probed")) == 0, TimeSpan.FromSeconds(30));
        await _lab.DeleteAsync("Pod", "shop/probed");
        await _lab.DeleteAsync("Service", "shop/probed");
    }

    [LabFact]
    public async Task Nothing_of_a_set_of_manifests_is_applied_when_one_is_wrong()
    {
        LabException refused = await Assert.ThrowsAsync<LabException>(() => _lab.ApplyAsync(
            """
            kind: Pod
            metadata: {name: fine, namespace: shop}
            spec: {containers: [{name: main}]}
            ---
            kind: Pod
            metadata: {name: lost, namespace: shop}
            spec: {nodeName: node-7, containers: [{name: main}]}
            ---
            kind: Deployment
            metadata: {name: many, namespace: shop}
            """));

        Assert.Contains("'node-7' is not a node of this lab: node-1, node-2", refused.Message, StringComparison.Ordinal);
        Assert.Contains("the lab makes no pods from a Deployment", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain((await _lab.StatusAsync()).Pods, status => status.Name == "fine");
    }

    [LabFact]
    public async Task An_address_given_back_is_free_for_the_pod_that_demands_it()
    {
        const string Spec = "spec: {nodeName: node-1, containers: [{name: main}]}\n";
        await _lab.ApplyAsync($"kind: Pod\nmetadata: {{name: first, namespace: shop}}\n{Spec}");
        IPAddress address = (await _lab.PodAsync("shop/first")).Address4;
        string second = $"kind: Pod\nmetadata: {{name: second, namespace: shop}}\n{Spec}status: {{podIPs: [{{ip: {address}}}]}}\n";
        await Assert.ThrowsAsync<LabException>(() => _lab.ApplyAsync(second));

        await _lab.DeleteAsync("Pod", "shop/first");
        await _lab.ApplyAsync(second);

        Assert.Equal(address, (await _lab.PodAsync("shop/second")).Address4);
        await _lab.DeleteAsync("Pod", "shop/second");
    }

    [LabFact]
    public async Task A_component_of_a_mesh_that_is_not_there_is_an_error_that_says_so()
    {
        LabException refused = await Assert.ThrowsAsync<LabException>(() => _lab.KillAsync("node-1/proxy"));

        Assert.Contains("without the mesh", refused.Message, StringComparison.Ordinal);
    }

    private async Task<int> EndpointsOf(string service)
    {
        return (await _lab.StatusAsync()).Services.Single(status => status.Name == service).EndpointCount;
    }
}
