using Mesh.Node.Transport.Connections;
using Xunit;

namespace Mesh.Node.Transport.Tests.Connections;

public sealed class TcpConnectionTests : ConnectionContract
{
    protected override Task RunAsync(ConnectionOptions options, Func<IConnectionEnds, ValueTask> body) => RunAsync(options, null, body);

    /// <summary>Runs the body on a loop, and sees to it that nothing is left there.</summary>
    internal static async Task RunAsync(ConnectionOptions options, Tls.TlsLab? tls, Func<LoopEnds, ValueTask> body)
    {
        using var fixture = new LoopFixture();
        await fixture.RunAsync(async ValueTask<int> () =>
        {
            LoopEnds ends = await LoopEnds.ConnectAsync(fixture.Loop, options, tls);
            await body(ends);
            Assert.True(fixture.Loop.IsOnThread);
            ends.Client.Abort();
            ends.Server.Abort();
            await ends.Client.DisposeAsync();
            await ends.Server.DisposeAsync();
            Assert.Equal((0, 0), (fixture.Loop.ConnectionCount, fixture.Loop.Buffers.OutstandingBlocks));
            return 0;
        }).WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);
    }
}
