using System.Net;

namespace Mesh.Bench.Load.Topology;

/// <summary>
/// Mutual TLS between two nodes through two proxies. The peers stand where our sockets are: the first in the client's pod, the second in
/// the server's, each a program of its own as each node has a proxy of its own.
/// </summary>
internal static class MutualTlsContests
{
    private const int HaproxyBulkPort = 9301;
    private const int HaproxySmallPort = 9302;
    private const int HaproxyHttpPort = 9303;
    private const int HaproxyFarPort = 9401;
    private const int NginxBulkPort = 9311;
    private const int NginxSmallPort = 9312;
    private const int NginxFarPort = 9411;

    public static Task<Contest> StreamAsync(BenchLab bench) => ContestAsync(bench, BenchLab.BulkPort, HaproxyBulkPort, NginxBulkPort);

    public static Task<Contest> SmallAsync(BenchLab bench) => ContestAsync(bench, BenchLab.HttpPort, HaproxySmallPort, NginxSmallPort);

    /// <summary>Peers that pass connections on one by one, each with a handshake of its own.</summary>
    public static Task<Contest> NewConnectionsAsync(BenchLab bench) => SmallAsync(bench);

    /// <summary>Requests are read by both proxies of each, which send them over connections they keep.</summary>
    public static Task<Contest> HttpAsync(BenchLab bench) =>
        ContestAsync(bench, BenchLab.RoutedFar, HaproxyHttpPort, nginxPort: null);

    private static Task<Contest> ContestAsync(BenchLab bench, int port, int haproxyPort, int? nginxPort) =>
        ContestAsync(bench, bench.MeshServerFar.EndPoint(port), haproxyPort, nginxPort);

    private static async Task<Contest> ContestAsync(BenchLab bench, IPEndPoint target, int haproxyPort, int? nginxPort)
    {
        PeerCertificates.Write(bench.Scratch);
        string near = bench.OutsideClient.NetworkNamespace;
        string far = bench.OutsideServerFar.NetworkNamespace;
        IPAddress nearAddress = bench.OutsideClient.Address4;
        string farAddress = bench.OutsideServerFar.Address4.ToString();
        var nearValues = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["LISTEN"] = nearAddress.ToString(),
            ["FAR"] = farAddress,
            ["PKI"] = bench.Scratch,
        };
        var farValues = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["LISTEN"] = farAddress,
            ["ORIGIN"] = farAddress,
            ["PKI"] = bench.Scratch,
        };
        var programs = new ProgramList();
        try
        {
            PeerProgram second = programs.Add(await bench.StartHaproxyAsync(far, "haproxy-mtls-in.cfg", HaproxyFarPort, farValues));
            PeerProgram first = programs.Add(await bench.StartHaproxyAsync(near, "haproxy-mtls-out.cfg", haproxyPort, nearValues));
            var peers = new List<Contender>
            {
                new(
                    "haproxy", Path("HAProxy", "TLS", "HAProxy"), bench.OutsideClient, new IPEndPoint(nearAddress, haproxyPort),
                    [first.Process, second.Process]),
            };
            if (nginxPort is { } nginx)
            {
                second = programs.Add(await bench.StartNginxAsync(far, "nginx-mtls-in.conf", NginxFarPort, farValues));
                first = programs.Add(await bench.StartNginxAsync(near, "nginx-mtls-out.conf", nginx, nearValues));
                peers.Add(new Contender(
                    "nginx", Path("nginx", "TLS", "nginx"), bench.OutsideClient, new IPEndPoint(nearAddress, nginx),
                    [first.Process, second.Process]));
            }

            var ours = new Contender(
                "mesh-node",
                Path("TPROXY → mesh-node", "HBONE", "mesh-node"),
                bench.MeshClient,
                target,
                [await bench.ProxyAsync(bench.Node1), await bench.ProxyAsync(bench.Node2)]);
            return new Contest(ours, peers, programs);
        }
        catch
        {
            await programs.DisposeAsync();
            throw;
        }
    }

    /// <summary>What a packet passes from one node to the other.</summary>
    public static string Path(string first, string wire, string second) =>
        $"[client's pod: client ─lo─ {first}] ═veth─ node-1 ═{wire}═ node-2 ─veth═ [server's pod: {second} ─lo─ server]";
}
