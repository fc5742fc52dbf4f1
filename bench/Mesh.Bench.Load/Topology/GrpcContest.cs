using System.Net;
using Mesh.Lab;

namespace Mesh.Bench.Load.Topology;

/// <summary>Calls to a gRPC server on the other node: directly, and through both proxies over mutual TLS.</summary>
internal static class GrpcContest
{
    public static async Task<Contest> StartAsync(BenchLab bench)
    {
        var programs = new ProgramList();
        try
        {
            foreach (LabPod server in (LabPod[])[bench.MeshServerFar, bench.OutsideServerFar])
            {
                var listen = new IPEndPoint(IPAddress.Any, BenchLab.GrpcPort);
                programs.Add(await bench.StartOwnPeerAsync(server.NetworkNamespace, listen, "grpc"));
            }

            return new Contest(
                new Contender(
                    "mesh-node",
                    MutualTlsContests.Path("TPROXY → mesh-node", "HBONE", "mesh-node"),
                    bench.MeshClient,
                    BenchLab.GrpcFar,
                    [await bench.ProxyAsync(bench.Node1), await bench.ProxyAsync(bench.Node2)]),
                [
                    new Contender(
                        "direct",
                        "client ─veth─ node-1 ── node-2 ─veth─ server",
                        bench.OutsideClient,
                        bench.OutsideServerFar.EndPoint(BenchLab.GrpcPort),
                        []),
                ],
                programs);
        }
        catch
        {
            await programs.DisposeAsync();
            throw;
        }
    }
}
