using System.Net.Sockets;
using Mesh.Api.Identity;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Model.Workloads;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>Goal: a pod is served as who its agent says it is now. Method: the same namespace handed over again.</summary>
public sealed class TakeOverTests
{
    private const int Port = 8080;

    [LabFact]
    public async Task A_pod_that_is_said_to_be_another_goes_on_in_the_others_name_and_nothing_does_in_the_first_ones()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server");
        server.Echo(Port);
        using Socket before = await client.ConnectAsync(server.Address, Port);
        Assert.Equal("hello", await LabPod.AskAsync(before, "hello"));

        Workload other = client.Workload with { Uid = "Kubernetes//Pod/shop/other", Name = "other", Identity = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/other") };
        node.Configure(mesh => mesh.RemoveWorkload(client.Workload.Uid));
        node.Configure(mesh => mesh.SetWorkload(other));
        string uid = client.Workload.Name;
        Assert.Null(await node.Proxy.AddAsync(
            new PodHandover(uid, "other", "shop", "other", NetNamespace.OpenPath(client.Network.Network.DescriptorPath), client.Details),
            TestContext.Current.CancellationToken));

        await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(before, 1));
        await node.WaitForLineAsync("/sa/client", "close_reason=WorkloadRemoved");
        using (Socket after = await client.ConnectAsync(server.Address, Port))
        {
            Assert.Equal("hello", await LabPod.AskAsync(after, "hello"));
        }

        await node.WaitForLineAsync("src.identity=\"spiffe://cluster.local/ns/shop/sa/other\"", "close_reason=Completed");
    }
}
