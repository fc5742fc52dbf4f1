using System.Net;

namespace Mesh.Bench.Load.Topology;

/// <summary>One proxy between client and server, no TLS.</summary>
internal static class PlaintextContests
{
    public static Task<Contest> SameVethsStreamAsync(BenchLab bench) => SameVethsAsync(bench, BenchLab.BulkPort, peerPort: 9001);

    public static Task<Contest> SameVethsSmallAsync(BenchLab bench) => SameVethsAsync(bench, BenchLab.HttpPort, peerPort: 9081);

    // A client the mesh does not know reaches a captured server; the peers stand in a pod of the same make, where our proxy's socket is.
    private static async Task<Contest> SameVethsAsync(BenchLab bench, int port, int peerPort)
    {
        IPAddress server = bench.OutsideServerNear.Address4;
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["LISTEN"] = server.ToString(),
            ["ORIGIN"] = server.ToString(),
        };
        PeerProgram haproxy = await bench.StartHaproxyAsync(
            bench.OutsideServerNear.NetworkNamespace, "haproxy-plaintext.cfg", peerPort, values);
        return new Contest(
            new Contender(
                "mesh-node",
                Path("TPROXY → mesh-node"),
                bench.OutsideClient,
                bench.MeshServerNear.EndPoint(port),
                [await bench.ProxyAsync(bench.Node1)]),
            [
                new Contender(
                    "haproxy", Path("HAProxy"), bench.OutsideClient, new IPEndPoint(server, peerPort), [haproxy.Process]),
            ],
            [haproxy]);
    }

    private static string Path(string proxy) => $"client ─veth─ node-1 ─veth─ [server's pod: {proxy} ─lo─ server]";
}
