using System.Diagnostics;
using System.Net.Sockets;
using Mesh.Node.Proxy.Hbone;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>Tunnels that outlive the certificates they were made with.</summary>
public sealed class TunnelRetirementTests
{
    [Fact]
    public async Task A_retired_tunnel_takes_nothing_new_lets_what_is_open_go_on_and_closes_with_it()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync();
        (Socket client, Socket server) = await pair.ConnectAsync();
        await TunnelPair.OnLoopAsync(pair.ClientLoop, () =>
        {
            pair.ClientTunnel.RetireAfter(TimeSpan.FromMilliseconds(50));
            return 0;
        });

        await EventuallyAsync(pair, tunnel => tunnel.IsDraining);
        Assert.False(await TunnelPair.OnLoopAsync(pair.ClientLoop, () => pair.ClientTunnel.HasRoom(streamsMax: 100)));
        await client.SendAsync("still here"u8.ToArray(), TestContext.Current.CancellationToken);
        Assert.Equal(10, await server.ReceiveAsync(new byte[10], TestContext.Current.CancellationToken));

        client.Shutdown(SocketShutdown.Send);
        server.Shutdown(SocketShutdown.Send);
        await EventuallyAsync(pair, tunnel => tunnel.IsClosed);
    }

    [Theory]
    [InlineData(1_000, 2_000, 1_000)]
    [InlineData(2_000, 1_000, 1_000)]
    [InlineData(-5, 1_000, 0)]
    public void The_certificate_that_expires_first_decides_and_the_client_goes_a_tenth_earlier(int ownSeconds, int peerSeconds, int leftSeconds)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        DateTimeOffset own = now.AddSeconds(ownSeconds);
        DateTimeOffset peer = now.AddSeconds(peerSeconds);

        TimeSpan server = CertificateTime.ForServer(own, peer);
        TimeSpan client = CertificateTime.ForClient(own, peer);

        Assert.InRange(server.TotalSeconds, leftSeconds - Math.Min(leftSeconds, 60), leftSeconds);
        Assert.InRange(client.TotalSeconds, (leftSeconds - Math.Min(leftSeconds, 60)) * 0.9, leftSeconds * 0.9);
    }

    private static async Task EventuallyAsync(TunnelPair pair, Func<TunnelConnection, bool> condition)
    {
        var waited = Stopwatch.StartNew();
        while (!await TunnelPair.OnLoopAsync(pair.ClientLoop, () => condition(pair.ClientTunnel)))
        {
            Assert.True(waited.Elapsed < TunnelPair.Patience, "It did not happen.");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }
}
