using System.Net;
using Mesh.Node.Model;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Http;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Tests.Hbone;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing.Connections;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Upstreams;

/// <summary>
/// Goal: whoever waits for a connection is told what came of it, once, whatever the order in which connections fail, come and are given
/// up. Method: a loop, and connections that a test makes or refuses.
/// </summary>
public sealed class UpstreamGroupTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly EventLoop _loop = EventLoop.Start("test", 0, new EventLoopOptions());
    private readonly LoopContext _context;
    private readonly Circuit _circuit = new(new ConnectionLimits { MaxConnections = 1 }, new DestinationTotals());
    private readonly ScriptedDialer _dialer;

    public UpstreamGroupTests()
    {
        var options = new ProxyOptions();
        var services = new ProxyServices(
            "node-1",
            options,
            new NoConfiguration(),
            Certificates: null!,
            Pods: null!,
            new DestinationRegistry(),
            new BufferBudget(options.NodeBufferBytesMax),
            new NodeLimits(options),
            HttpLimits.Of(options),
            RateLimiters: null!,
            Tokens: null!,
            Dns: null!,
            Hints: null!,
            Originations: null!,
            Logger: null!);
        _context = new LoopContext(_loop, telemetry: null!, requests: null!, services);
        _dialer = new ScriptedDialer(_loop);
    }

    public void Dispose() => _loop.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Dials_that_fail_at_once_end_every_wait_and_none_stands_on_another(bool isHttp2)
    {
        // As many frames of calls inside one another would end the process.
        const int Waiting = 50_000;
        Task<UpstreamResult>[] waits = await OnLoopAsync(() =>
        {
            UpstreamGroup group = Group(isHttp2);
            Task<UpstreamResult>[] begun = [.. Enumerable.Range(0, Waiting).Select(_ => Get(group))];
            Assert.Equal((1, Waiting), (_dialer.Dials, group.WaitingCount));
            _dialer.FailAll();
            Assert.Equal((0, 0, 0), (group.WaitingCount, group.OpenCount, _circuit.Count(CircuitLimit.Connections)));
            return begun;
        });

        UpstreamResult[] results = await Task.WhenAll(waits).WaitAsync(s_patience, TestContext.Current.CancellationToken);
        Assert.All(results, result => Assert.Equal((null, CloseReason.ConnectFailed), (result.Exchange, result.Reason)));
    }

    [Fact]
    public async Task A_sweep_goes_on_though_who_waited_asks_for_another_upstream()
    {
        Task<UpstreamResult> waiting = await OnLoopAsync(() =>
        {
            var pool = new UpstreamPool(_context, _context.Services.Buffers);
            UpstreamGroup group = pool.GroupOf(KeyOf(8080, isHttp2: false), null, null);
            _dialer.Connects = true;
            _ = Get(group);
            _dialer.Connects = false;
            _dialer.FailAll();

            // The one connection is in use, and the limit lets no other be made; then it does, and that one fails.
            Task<UpstreamResult> beyond = Get(group);
            Task another = beyond.ContinueWith(
                _ => pool.GroupOf(KeyOf(8081, isHttp2: false), null, null),
                TestContext.Current.CancellationToken,
                TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
            Assert.Equal(1, group.WaitingCount);
            _circuit.Limits = new ConnectionLimits { MaxConnections = 2 };
            ((ITimerHandler)pool).OnTimer(null!);
            Assert.True(another.IsCompletedSuccessfully);
            return beyond;
        });

        Assert.Equal(CloseReason.ConnectFailed, (await waiting).Reason);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_waits_for_an_endpoint_that_has_left_is_told_and_the_dial_under_way_leaves_nothing(bool isHttp2)
    {
        Task<UpstreamResult>[] waits = await OnLoopAsync(() =>
        {
            UpstreamGroup group = Group(isHttp2);
            Task<UpstreamResult>[] begun = [Get(group), Get(group)];
            group.CloseAsGone();
            Assert.All(begun, wait => Assert.True(wait.IsCompletedSuccessfully));

            _dialer.FailAll();
            Assert.Equal((0, 0, 1), (group.OpenCount, _circuit.Count(CircuitLimit.Connections), _dialer.Dials));
            return begun;
        });

        Assert.All(await Task.WhenAll(waits), result => Assert.Equal(CloseReason.WorkloadRemoved, result.Reason));
    }

    private UpstreamGroup Group(bool isHttp2) => isHttp2
        ? new Http2Group(KeyOf(8080, isHttp2), null, null, _context, _context.Services.Buffers)
        : new Http1Group(KeyOf(8080, isHttp2), null, null, _context);

    private static UpstreamKey KeyOf(ushort port, bool isHttp2) =>
        new("", "", IPAddress.Loopback, port, Identity: null, Client: null, IsOnNode: false, isHttp2);

    private Task<UpstreamResult> Get(UpstreamGroup group) =>
        group.GetAsync(new UpstreamWait(_loop), isFresh: false, _dialer, _circuit).AsTask();

    private Task<T> OnLoopAsync<T>(Func<T> body) => TunnelPair.OnLoopAsync(_loop, body).WaitAsync(s_patience);

    /// <summary>The first dial waits until it is told to fail; those after it fail at once; or each has its connection at once.</summary>
    private sealed class ScriptedDialer(EventLoop loop) : IUpstreamDialer
    {
        private readonly LoopCompletion<DialResult> _first = new(loop);
        private readonly DialResult _failure = new(null, CloseReason.ConnectFailed, "refused");
        private bool _fails;

        public int Dials { get; private set; }

        public bool Connects { get; set; }

        public void FailAll()
        {
            _fails = true;
            _first.TryComplete(_failure);
        }

        public ValueTask<DialResult> DialAsync(UpstreamGroup group)
        {
            Dials++;
            if (Connects)
            {
                return ValueTask.FromResult(new DialResult(MemoryConnection.Connect().Client, CloseReason.None, null));
            }

            return _fails ? ValueTask.FromResult(_failure) : _first.WaitAsync();
        }
    }

    private sealed class NoConfiguration : IConfigurationReader
    {
        public event Action<ConfigurationChange>? Changed
        {
            add { }
            remove { }
        }

        public MeshSnapshot Current => MeshSnapshot.Empty;
    }
}
