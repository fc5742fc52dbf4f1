using System.Net;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyDnsTests(TproxyLab fixture) : DnsTests(fixture);

[Collection(nameof(NftGroup))]
public sealed class NftDnsTests(NftLab fixture) : DnsTests(fixture);

[Collection(nameof(RedirectGroup))]
public sealed class RedirectDnsTests(RedirectLab fixture) : DnsTests(fixture);

/// <summary>
/// Goal: an application that looks names up as ever finds what is in the mesh, and asks its own servers about all else. Method: the C
/// library's resolver in a captured pod, with servers of a test's choice.
/// </summary>
public abstract class DnsTests(TwoNodeLab fixture) : IsolatedTests(fixture)
{
    private const string Shop = """
        apiVersion: v1
        kind: Service
        metadata: {name: named, namespace: mesh}
        spec: {selector: {app: server-2}, ports: [{name: tcp-echo, port: 7070, targetPort: 7171}]}
        ---
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: beyond, namespace: mesh}
        spec:
          hosts: [beyond.example.com]
          ports: [{name: tcp-echo, number: 7070, targetPort: 7172, protocol: TCP}]
          resolution: STATIC
          endpoints: [{address: ENDPOINT}]
        """;

    public static TheoryData<AddressFamily> Families { get; } = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    [LabTheory]
    [MemberData(nameof(Families))]
    public async Task Names_of_the_mesh_are_found_and_lead_there_although_no_server_knows_them(AddressFamily family)
    {
        LabPod client = await Lab.PodAsync("mesh/client-1");
        LabPod outside = await Lab.PodAsync("outside/server-2");
        await EstablishAsync(Shop.Replace("ENDPOINT", $"'{outside.Address(family)}'", StringComparison.Ordinal));
        string nobody = family == AddressFamily.InterNetwork ? "10.1.2.250" : "fd00:10:1:2::250";
        await using EchoServer named = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), 7171);
        await using EchoServer beyond = await EchoServer.StartAsync(outside, 7172);

        foreach ((string name, EchoServer server) in (ValueTuple<string, EchoServer>[])[("named", named), ("beyond.example.com.", beyond)])
        {
            IPAddress found = await LookUpAsync(client, name, nobody, family);
            string marker = $"{name}-{Guid.NewGuid()}";
            using Socket connection = await client.ConnectAsync(new IPEndPoint(found, 7070), TestContext.Current.CancellationToken);
            Assert.Equal(marker, await connection.EchoAsync(marker));
            Assert.NotEmpty(server.Clients);
        }
    }

    [LabTheory]
    [MemberData(nameof(Families))]
    public async Task Another_name_is_asked_of_the_pods_own_server_by_the_pod_itself(AddressFamily family)
    {
        LabPod client = await Lab.PodAsync("mesh/client-1");
        LabPod outside = await Lab.PodAsync("outside/server-2");
        await using NameServer server = NameServer.Start(outside, family);

        // The server answers with the address it was asked from.
        IPAddress found = await LookUpAsync(client, "elsewhere.example.net.", outside.Address(family).ToString(), family);
        Assert.Equal(client.Address(family), found);
        Assert.All(server.Clients, asked => Assert.Equal(client.Address(family), asked.Address));
    }

    /// <summary>Looks a name up in a pod as its programs do: by the C library, with a resolv.conf of its own.</summary>
    private static async Task<IPAddress> LookUpAsync(LabPod pod, string name, string server, AddressFamily family)
    {
        string file = Path.Combine(Path.GetTempPath(), $"resolv-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(
            file, $"nameserver {server}\nsearch mesh.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5 timeout:10 attempts:3\n");
        try
        {
            string database = family == AddressFamily.InterNetwork ? "ahostsv4" : "ahostsv6";
            CommandResult result = await pod.ExecuteAsync(
                "unshare", "-m", "sh", "-c", $"mount --bind {file} /etc/resolv.conf && exec getent {database} {name}");
            Assert.True(result.ExitCode == 0, $"{name} at {server}: {result}");
            return IPAddress.Parse(result.Output.Split(' ', 2)[0]);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
