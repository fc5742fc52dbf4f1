using Mesh.Interop.Linux;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Succession;
using Mesh.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Admin;

/// <summary>
/// Goal: somebody answers at the admin ports for as long as there is a proxy. Method: two admin servers for the same ports, which belong to
/// nobody else here, and the socket over which one process asks the other for them.
/// </summary>
public sealed class AdminPortsTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private static readonly AdminOptions s_same = new()
    {
        Address = "127.77.0.1:15000",
        Metrics = "127.77.0.1:15020",
        Readiness = "127.77.0.1:15021",
    };

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"mesh-ports-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public async Task Ports_that_the_next_process_took_are_served_again_when_it_ends()
    {
        await using AdminFixture before = new() { Options = s_same };
        before.Parts.Add(new AdminFixture.Part("before", "it is the first"));
        await before.StartAsync();
        using var giver = new ListenerGiver(_path, _ => [], before.Ports, NullLogger.Instance);
        await Eventually.TrueAsync(IsOffered, s_patience);

        for (int time = 0; time < 2; time++)
        {
            using (var taker = new ListenerTaker(_path, NullLogger.Instance))
            {
                await using AdminFixture next = new() { Options = s_same, Holder = new Releasing(taker) };
                next.Parts.Add(new AdminFixture.Part("next", "it is the next"));
                await next.StartAsync();
                Assert.Equal("next: it is the next\n", (await next.GetAsync("readiness", "/healthz/ready")).Text);
            }

            await Eventually.TrueAsync(async () => await ReadinessAsync(before) == "before: it is the first\n", s_patience);
        }
    }

    private static async Task<string?> ReadinessAsync(AdminFixture node)
    {
        try
        {
            return (await node.GetAsync("readiness", "/healthz/ready")).Text;
        }
        catch (Exception closed) when (closed is HttpRequestException or InvalidOperationException)
        {
            return null;
        }
    }

    private bool IsOffered()
    {
        using SeqPacketSocket? socket = SeqPacketSocket.Connect(_path, out SeqPacketSocket? connected).Ok ? connected : null;
        return socket is not null;
    }

    /// <summary>Says that ports are released once they can be had: a process that another test starts holds them until its program runs.</summary>
    private sealed class Releasing(ListenerTaker taker) : IPortHolder
    {
        public bool TryReleasePorts() => taker.TryReleasePorts() && AdminFixture.AreFree(s_same);
    }
}
