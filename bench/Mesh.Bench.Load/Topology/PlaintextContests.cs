using System.Net;
using Mesh.Lab;

namespace Mesh.Bench.Load.Topology;

/// <summary>One proxy between client and server, no TLS.</summary>
internal static class PlaintextContests
{
    private const int HaproxyBulkPort = 9001;
    private const int HaproxyCopyPort = 9002;
    private const int HaproxySmallPort = 9081;
    private const int NginxBulkPort = 9101;
    private const int HaproxyHttpPort = 9083;
    private const int NginxSmallPort = 9181;
    private const int NginxHttpPort = 9183;

    public static Task<Contest> SameVethsStreamAsync(BenchLab bench) =>
        SameVethsAsync(bench, BenchLab.BulkPort, HaproxyBulkPort, NginxBulkPort);

    public static Task<Contest> SameVethsSmallAsync(BenchLab bench) =>
        SameVethsAsync(bench, BenchLab.HttpPort, HaproxySmallPort, NginxSmallPort);

    /// <summary>Requests are read by all: ours at a port that is said to speak HTTP, the peers' in HTTP mode.</summary>
    public static Task<Contest> SameVethsHttpAsync(BenchLab bench) =>
        SameVethsAsync(bench, BenchLab.RoutedPort, HaproxyHttpPort, NginxHttpPort);

    /// <summary>Client and server of one node, as a user of each meets it: the peers stand on the node, we are in both pods.</summary>
    public static Task<Contest> SameNodeStreamAsync(BenchLab bench)
    {
        return ContestAsync(
            bench,
            place: bench.Node1.Name,
            listen: bench.Node1.Address4,
            ours: bench.MeshClient,
            oursPath: "[client's pod: client ─lo─ TPROXY → mesh-node] → [server's pod: mesh-node ─lo─ server]",
            peersPath: name => $"client ─veth─ [node-1: {name}] ─veth─ server",
            BenchLab.BulkPort,
            HaproxyBulkPort,
            NginxBulkPort);
    }

    // A client the mesh does not know reaches a captured server; the peers stand in a pod of the same make, where our proxy's sockets are.
    private static Task<Contest> SameVethsAsync(BenchLab bench, int port, int haproxyPort, int nginxPort)
    {
        return ContestAsync(
            bench,
            place: bench.OutsideServerNear.NetworkNamespace,
            listen: bench.OutsideServerNear.Address4,
            ours: bench.OutsideClient,
            oursPath: "client ─veth─ node-1 ─veth─ [server's pod: TPROXY → mesh-node ─lo─ server]",
            peersPath: name => $"client ─veth─ node-1 ─veth─ [server's pod: {name} ─lo─ server]",
            port,
            haproxyPort,
            nginxPort);
    }

    private static async Task<Contest> ContestAsync(
        BenchLab bench,
        string place,
        IPAddress listen,
        LabPod ours,
        string oursPath,
        Func<string, string> peersPath,
        int port,
        int haproxyPort,
        int nginxPort)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["LISTEN"] = listen.ToString(),
            ["ORIGIN"] = bench.OutsideServerNear.Address4.ToString(),
        };
        var programs = new ProgramList();
        try
        {
            PeerProgram haproxy = programs.Add(await bench.StartHaproxyAsync(place, "haproxy-plaintext.cfg", haproxyPort, values));
            PeerProgram nginx = programs.Add(await bench.StartNginxAsync(place, "nginx-plaintext.conf", nginxPort, values));
            var peers = new List<Contender>
            {
                new("haproxy", peersPath("HAProxy"), bench.OutsideClient, new IPEndPoint(listen, haproxyPort), [haproxy.Process]),
                new("nginx", peersPath("nginx"), bench.OutsideClient, new IPEndPoint(listen, nginxPort), [nginx.Process]),
            };
            if (haproxyPort == HaproxyBulkPort)
            {
                peers.Add(new Contender(
                    "haproxy-copying", peersPath("HAProxy, no splice"), bench.OutsideClient, new IPEndPoint(listen, HaproxyCopyPort),
                    [haproxy.Process]));
            }

            return new Contest(
                new Contender("mesh-node", oursPath, ours, bench.MeshServerNear.EndPoint(port), [await bench.ProxyAsync(bench.Node1)]),
                peers,
                programs);
        }
        catch
        {
            await programs.DisposeAsync();
            throw;
        }
    }
}
