using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyReachabilityTests(TproxyLab fixture) : ReachabilityTests(fixture);

[Collection(nameof(NftGroup))]
public sealed class NftReachabilityTests(NftLab fixture) : ReachabilityTests(fixture);

[Collection(nameof(RedirectGroup))]
public sealed class RedirectReachabilityTests(RedirectLab fixture) : ReachabilityTests(fixture);

public sealed class NftRedirectReachabilityTests(NftRedirectLab fixture) : ReachabilityTests(fixture), IClassFixture<NftRedirectLab>;

public sealed class LegacyRedirectReachabilityTests(LegacyRedirectLab fixture)
    : ReachabilityTests(fixture), IClassFixture<LegacyRedirectLab>;

/// <summary>
/// Who can reach whom, and how it is carried. Goal: every combination of place, capture and address family works for an application that
/// knows nothing of the mesh, and mutual TLS is used exactly where both ends are in the mesh and on different nodes.
/// </summary>
public abstract class ReachabilityTests(TwoNodeLab fixture) : IsolatedTests(fixture)
{
    private const string ClientIdentity = "spiffe://cluster.local/ns/mesh/sa/client";
    private const int Port = 8080;

    public static TheoryData<bool, bool, bool, AddressFamily> Combinations()
    {
        var combinations = new TheoryData<bool, bool, bool, AddressFamily>();
        foreach (AddressFamily family in (AddressFamily[])[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            foreach (bool crossesNodes in (bool[])[false, true])
            {
                foreach (bool isClientCaptured in (bool[])[false, true])
                {
                    foreach (bool isServerCaptured in (bool[])[false, true])
                    {
                        combinations.Add(crossesNodes, isClientCaptured, isServerCaptured, family);
                    }
                }
            }
        }

        return combinations;
    }

    [LabTheory]
    [MemberData(nameof(Combinations))]
    public async Task An_application_reaches_another_and_sees_its_address(
        bool crossesNodes, bool isClientCaptured, bool isServerCaptured, AddressFamily family)
    {
        LabPod client = await Lab.PodAsync($"{Space(isClientCaptured)}/client-1");
        LabPod server = await Lab.PodAsync($"{Space(isServerCaptured)}/server-{(crossesNodes ? 2 : 1)}");
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        string marker = $"marker-{Guid.NewGuid()}";
        await using PacketCapture capture = await Lab.CaptureLinkAsync();

        using Socket connection = await client.ConnectAsync(echo.EndPoint(family), TestContext.Current.CancellationToken);
        Assert.Equal(marker, await connection.EchoAsync(marker));
        connection.Shutdown(SocketShutdown.Send);
        Assert.Equal(ConnectionEnd.Ended, await connection.WaitForEndAsync(TimeSpan.FromSeconds(20)));

        Assert.Equal(client.Address(family), Assert.Single(echo.Clients).Address);
        await Fixture.SettleAsync(capture);
        Assert.Equal(crossesNodes && !(isClientCaptured && isServerCaptured), capture.Has(Encoding.ASCII.GetBytes(marker)));
        await AssertWaysAsync(client, server, crossesNodes, isClientCaptured, isServerCaptured, family, marker.Length);
    }

    private async Task AssertWaysAsync(
        LabPod client, LabPod server, bool crossesNodes, bool isClientCaptured, bool isServerCaptured, AddressFamily family, int bytes)
    {
        string source = client.Address(family).ToString();
        bool isSameNode = !crossesNodes && isClientCaptured && isServerCaptured;
        if (isClientCaptured)
        {
            AccessLogLine line = await LineAsync(client.Node, isSameNode ? "SameNode" : "Outbound");
            Assert.Equal("Completed", line.CloseReason);
            Assert.Equal(ClientIdentity, line.SourceIdentity);
            Assert.Equal($"spiffe://cluster.local/ns/{server.Name.Split('/')[0]}/sa/server", line.DestinationIdentity);
            Assert.Equal((bytes, bytes), (line.BytesSent, line.BytesReceived));
        }

        if (isServerCaptured && !isSameNode)
        {
            AccessLogLine line = await LineAsync(server.Node, isClientCaptured ? "InboundHbone" : "InboundPlaintext");
            Assert.Equal("Completed", line.CloseReason);
            Assert.Equal(isClientCaptured ? ClientIdentity : null, line.SourceIdentity);
            Assert.Equal((bytes, bytes), (line.BytesSent, line.BytesReceived));
        }

        Task<AccessLogLine> LineAsync(string node, string path)
        {
            return Fixture.AccessLineAsync(
                node,
                line => line.Path == path
                    && $"{line.DestinationNamespace}/{line.DestinationWorkload}" == server.Name
                    && HasAddress(line.SourceAddress, source));
        }
    }

    private static bool HasAddress(string? endPoint, string address)
    {
        return endPoint is not null && IPEndPoint.TryParse(endPoint, out IPEndPoint? parsed) && parsed.Address.ToString() == address;
    }

    private static string Space(bool isCaptured) => isCaptured ? "mesh" : "outside";
}
