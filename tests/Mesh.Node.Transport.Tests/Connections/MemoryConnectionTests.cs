using Mesh.Node.Transport.Connections;
using Mesh.Testing.Connections;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Transport.Tests.Connections;

/// <summary>The transport that tests of protocols use promises what the real one does.</summary>
public sealed class MemoryConnectionTests : ConnectionContract
{
    [Fact]
    public Task Bytes_put_the_idle_limit_off() =>
        RunAsync(new ConnectionOptions { IdleLimit = TimeSpan.FromSeconds(10) }, async ends =>
        {
            for (int i = 0; i < 5; i++)
            {
                await ends.PassTimeAsync(TimeSpan.FromSeconds(9));
                await WriteAsync(ends.Server, [1], complete: false);
                await ReadExactlyAsync(ends.Client, 1);
            }

            Assert.False(ends.Client.ConnectionClosed.IsCancellationRequested);
            await ends.PassTimeAsync(TimeSpan.FromSeconds(10));
            Assert.True(ends.Client.ConnectionClosed.IsCancellationRequested);
        });

    protected override async Task RunAsync(ConnectionOptions options, Func<IConnectionEnds, ValueTask> body)
    {
        var clock = new FakeTimeProvider();
        (MemoryConnection client, MemoryConnection server) = MemoryConnection.Connect(new MemoryConnectionOptions
        {
            Clock = clock,
            IdleLimit = options.IdleLimit,
            DrainLimit = options.DrainLimit,
            BytesMax = options.InputBytesMax,
        });
        await body(new Ends(client, server, clock)).AsTask().WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);
        client.Abort();
        Assert.True(client.ConnectionClosed.IsCancellationRequested);
    }

    private sealed class Ends(ConnectionContext client, ConnectionContext server, FakeTimeProvider clock) : IConnectionEnds
    {
        public ConnectionContext Client => client;

        public ConnectionContext Server => server;

        public ValueTask PassTimeAsync(TimeSpan time)
        {
            clock.Advance(time);
            return ValueTask.CompletedTask;
        }

        // Everything that can move has moved when the call that moved it returns.
        public ValueTask<bool> SettlesAsync(Func<bool> condition) => ValueTask.FromResult(condition());
    }
}
