using System.Globalization;
using System.Net;
using Mesh.Bench.Load.Generators;

namespace Mesh.Bench.Load.Topology;

/// <summary>Where many connections are held open: between pods of one node, and between nodes over mutual TLS.</summary>
internal static class IdleContests
{
    private const int ServerPort = IdleConnections.ServerPort;
    private const int HaproxyPort = 9007;
    private const int HaproxyNearPort = 9307;
    private const int HaproxyFarPort = 9407;
    private const int Spare = 100;

    private static readonly string s_maxConnections = (IdleConnections.Count + Spare).ToString(CultureInfo.InvariantCulture);

    public static async Task<Contest> PlaintextAsync(BenchLab bench)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["LISTEN"] = bench.Node1.Address4.ToString(),
            ["ORIGIN"] = bench.OutsideServerNear.Address4.ToString(),
            ["MAXCONN"] = s_maxConnections,
        };
        var programs = new ProgramList();
        try
        {
            PeerProgram haproxy = programs.Add(await bench.StartHaproxyAsync(bench.Node1.Name, "haproxy-idle.cfg", HaproxyPort, values));
            return new Contest(
                new Contender(
                    "mesh-node",
                    "[client's pod: client ─lo─ TPROXY → mesh-node] → [server's pod: mesh-node ─lo─ server]",
                    bench.MeshClient,
                    bench.MeshServerNear.EndPoint(ServerPort),
                    [await bench.ProxyAsync(bench.Node1)]),
                [
                    new Contender(
                        "haproxy", "client ─veth─ [node-1: HAProxy] ─veth─ server", bench.OutsideClient,
                        new IPEndPoint(bench.Node1.Address4, HaproxyPort), [haproxy.Process]),
                ],
                programs);
        }
        catch
        {
            await programs.DisposeAsync();
            throw;
        }
    }

    public static async Task<Contest> MutualTlsAsync(BenchLab bench)
    {
        PeerCertificates.Write(bench.Scratch);
        IPAddress near = bench.OutsideClient.Address4;
        string far = bench.OutsideServerFar.Address4.ToString();
        var nearValues = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["LISTEN"] = near.ToString(),
            ["FAR"] = far,
            ["PKI"] = bench.Scratch,
            ["MAXCONN"] = s_maxConnections,
        };
        var farValues = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["LISTEN"] = far,
            ["ORIGIN"] = far,
            ["PKI"] = bench.Scratch,
            ["MAXCONN"] = s_maxConnections,
        };
        var programs = new ProgramList();
        try
        {
            PeerProgram second = programs.Add(await bench.StartHaproxyAsync(
                bench.OutsideServerFar.NetworkNamespace, "haproxy-idle-mtls-in.cfg", HaproxyFarPort, farValues));
            PeerProgram first = programs.Add(await bench.StartHaproxyAsync(
                bench.OutsideClient.NetworkNamespace, "haproxy-idle-mtls-out.cfg", HaproxyNearPort, nearValues));
            return new Contest(
                new Contender(
                    "mesh-node",
                    MutualTlsContests.Path("TPROXY → mesh-node", "HBONE", "mesh-node"),
                    bench.MeshClient,
                    bench.MeshServerFar.EndPoint(ServerPort),
                    [await bench.ProxyAsync(bench.Node1), await bench.ProxyAsync(bench.Node2)]),
                [
                    new Contender(
                        "haproxy", MutualTlsContests.Path("HAProxy", "TLS", "HAProxy"), bench.OutsideClient,
                        new IPEndPoint(near, HaproxyNearPort), [first.Process, second.Process]),
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
