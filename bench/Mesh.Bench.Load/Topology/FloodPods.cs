using System.Net;
using Mesh.Lab;

namespace Mesh.Bench.Load.Topology;

/// <summary>Where a flood comes from and where it goes.</summary>
internal sealed record FloodWay(string NetworkNamespace, IPEndPoint Target);

/// <summary>A client and a server of a node that have nothing to do with the others: captured, and the same again uncaptured.</summary>
/// <param name="Through">The proxy reads what it asks.</param>
/// <param name="Around">No proxy has part in it.</param>
internal sealed record FloodPods(FloodWay Through, FloodWay Around)
{
    private static readonly IPEndPoint s_service = new(IPAddress.Parse("10.96.0.13"), 80);
    private static readonly TimeSpan s_readyLimit = TimeSpan.FromSeconds(90);

    /// <summary>Adds them to a lab.</summary>
    public static async Task<FloodPods> StartAsync(BenchLab bench)
    {
        await bench.Lab.ApplyAsync(
            BenchLab.Service("flood-server", s_service.Address.ToString()) + "---\n" + BenchLab.Pod("mesh", "flood", node: 1)
            + "---\n" + bench.Server("mesh", "flood-server", node: 1));
        await bench.Lab.WaitUntilReadyAsync(s_readyLimit);
        LabPod server = await bench.Lab.PodAsync("mesh/flood-server");
        await BenchLab.ListeningAsync(server);
        await bench.Lab.SettleAsync(s_readyLimit);
        return new FloodPods(
            new FloodWay((await bench.Lab.PodAsync("mesh/flood")).NetworkNamespace, s_service),
            new FloodWay(bench.OutsideClient.NetworkNamespace, bench.OutsideServerNear.EndPoint(BenchLab.RoutedPort)));
    }
}
