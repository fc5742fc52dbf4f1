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
    private const int YarpPort = 9283;
    private const int HaproxyHttp2Port = 9084;
    private const int NghttpxPort = 9284;
    private const string OursSameVeths = "client ─veth─ node-1 ─veth─ [server's pod: TPROXY → mesh-node ─lo─ server]";

    // Code is compiled for what it does most only after it has done it.
    private const int YarpWarmUpSeconds = 8;

    public static Task<Contest> SameVethsStreamAsync(BenchLab bench) =>
        SameVethsAsync(bench, BenchLab.BulkPort, HaproxyBulkPort, NginxBulkPort);

    public static Task<Contest> SameVethsSmallAsync(BenchLab bench) =>
        SameVethsAsync(bench, BenchLab.HttpPort, HaproxySmallPort, NginxSmallPort);

    /// <summary>Requests are read by all: ours at a port that is said to speak HTTP, the peers' in HTTP mode.</summary>
    public static async Task<Contest> SameVethsHttpAsync(BenchLab bench)
    {
        Contest contest = await SameVethsAsync(bench, BenchLab.RoutedPort, HaproxyHttpPort, NginxHttpPort);
        try
        {
            LabPod place = bench.OutsideServerNear;
            string origin = place.EndPoint(BenchLab.RoutedPort).ToString();
            PeerProgram yarp = contest.Programs.Add(
                await bench.StartOwnPeerAsync(place.NetworkNamespace, place.EndPoint(YarpPort), "yarp", origin));
            var peer = new Contender("yarp", PeersSameVeths("YARP"), bench.OutsideClient, place.EndPoint(YarpPort), [yarp.Process])
            {
                WarmUpSeconds = YarpWarmUpSeconds,
            };
            return contest with { Peers = [.. contest.Peers, peer] };
        }
        catch
        {
            await contest.DisposeAsync();
            throw;
        }
    }

    /// <summary>Requests over HTTP/2 on both sides of all.</summary>
    public static async Task<Contest> SameVethsHttp2Async(BenchLab bench)
    {
        LabPod place = bench.OutsideServerNear;
        Dictionary<string, string> values = Values(bench, place.Address4);
        var programs = new ProgramList();
        try
        {
            PeerProgram haproxy = programs.Add(
                await bench.StartHaproxyAsync(place.NetworkNamespace, "haproxy-plaintext.cfg", HaproxyHttp2Port, values));
            PeerProgram nghttpx = programs.Add(
                await bench.StartNghttpxAsync(place.NetworkNamespace, "nghttpx-http2.conf", NghttpxPort, values));
            return new Contest(
                new Contender(
                    "mesh-node", OursSameVeths, bench.OutsideClient, bench.MeshServerNear.EndPoint(BenchLab.Http2Port),
                    [await bench.ProxyAsync(bench.Node1)]),
                [
                    new Contender(
                        "haproxy", PeersSameVeths("HAProxy"), bench.OutsideClient, place.EndPoint(HaproxyHttp2Port), [haproxy.Process]),
                    new Contender(
                        "nghttpx", PeersSameVeths("nghttpx"), bench.OutsideClient, place.EndPoint(NghttpxPort), [nghttpx.Process]),
                ],
                programs);
        }
        catch
        {
            await programs.DisposeAsync();
            throw;
        }
    }

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
            oursPath: OursSameVeths,
            peersPath: PeersSameVeths,
            port,
            haproxyPort,
            nginxPort);
    }

    private static string PeersSameVeths(string name) => $"client ─veth─ node-1 ─veth─ [server's pod: {name} ─lo─ server]";

    private static Dictionary<string, string> Values(BenchLab bench, IPAddress listen) => new(StringComparer.Ordinal)
    {
        ["LISTEN"] = listen.ToString(),
        ["ORIGIN"] = bench.OutsideServerNear.Address4.ToString(),
    };

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
        Dictionary<string, string> values = Values(bench, listen);
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
