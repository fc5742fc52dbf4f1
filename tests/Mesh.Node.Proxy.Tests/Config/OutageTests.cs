using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Tests.ControlPlane;
using Mesh.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Config;

/// <summary>Goal: an operator reads from one line which control plane is away, why, what that means and when it is tried again.</summary>
public sealed class OutageTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_port_nobody_listens_on_is_named_with_what_holds_meanwhile_and_the_next_attempt()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        string line = await FirstLineAsync(fixture => fixture.CreateChannel(address: AddressOf(closed)));

        Assert.StartsWith($"No discovery stream to the control plane at {AddressOf(closed).Authority}: ", line, StringComparison.Ordinal);
        Assert.Contains("the connection failed: Connection refused", line, StringComparison.Ordinal);
        Assert.Contains("The last good configuration stays in force", line, StringComparison.Ordinal);
        Assert.Matches(@"Failed attempts: 1 in \d+\.\d s; the next in 0\.01 s\.$", line);
    }

    [Fact]
    public async Task One_that_says_nothing_timed_out()
    {
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen();
        string line = await FirstLineAsync(fixture => fixture.CreateChannel(address: AddressOf(silent), connectTimeoutSeconds: 1));
        Assert.Contains(": timed out", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_cannot_be_verified_is_told_with_what_is_wrong_about_its_certificate()
    {
        string name = await FirstLineAsync(fixture => fixture.CreateChannel("somebody-else"));
        Assert.Contains("TLS failed: ", name, StringComparison.Ordinal);
        Assert.Contains("RemoteCertificateNameMismatch", name, StringComparison.Ordinal);

        using var stranger = new TestAuthority("stranger");
        string chain = await FirstLineAsync(fixture =>
        {
            fixture.WriteRoots(stranger.RootPem);
            return fixture.CreateChannel();
        });
        Assert.Contains("TLS failed: ", chain, StringComparison.Ordinal);
        Assert.Contains("certificate chain", chain, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_nobody_knows_is_told_so()
    {
        string line = await FirstLineAsync(fixture => fixture.CreateChannel(address: new Uri("https://nobody.invalid:15012")));
        Assert.Contains("at nobody.invalid:15012: its name cannot be resolved", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_missing_is_named()
    {
        string line = await FirstLineAsync(fixture =>
        {
            File.Delete(fixture.TokenFile);
            return fixture.CreateChannel();
        });
        Assert.Contains("token", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_reason_is_told_every_minute_however_often_it_is_tried()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var time = new FakeTimeProvider();
        using var log = new Lines();
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        fixture.Run(time, log, fixture.CreateChannel(address: AddressOf(closed)));
        DateTimeOffset started = time.GetUtcNow();
        await TestTime.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return log.Told.Count >= 4;
            },
            "four lines");
        Assert.InRange(time.GetUtcNow() - started, 3 * OutageReport.Interval, TimeSpan.MaxValue);
        Assert.All(log.Told, line => Assert.Contains("Connection refused", line, StringComparison.Ordinal));

        // It says how often it was tried between.
        int attempts = int.Parse(log.Told[^1].Split("attempts: ")[1].Split(' ')[0], CultureInfo.InvariantCulture);
        Assert.True(attempts > log.Told.Count, log.Told[^1]);
    }

    [Fact]
    public void Another_reason_is_told_at_once_and_a_success_begins_the_count_anew()
    {
        var time = new FakeTimeProvider();
        var outage = new OutageReport(time);
        Assert.True(outage.Failed("a"));
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(outage.Failed("a"));
        Assert.True(outage.Failed("b"));
        Assert.Equal((3, TimeSpan.FromSeconds(2)), (outage.Attempts, outage.Duration));

        // One that comes and goes all the time is told of once a minute too.
        outage.Succeeded();
        Assert.Equal((0, TimeSpan.Zero), (outage.Attempts, outage.Duration));
        Assert.False(outage.Failed("b"));
        time.Advance(OutageReport.Interval);
        Assert.True(outage.Failed("b"));
        Assert.Equal((2, OutageReport.Interval), (outage.Attempts, outage.Duration));
    }

    private static Uri AddressOf(Socket socket) => new($"https://{socket.LocalEndPoint}");

    /// <summary>What a client says first that goes over a channel of the test's.</summary>
    private static async Task<string> FirstLineAsync(Func<DiscoveryFixture, ControlPlaneChannel> channel)
    {
        using var log = new Lines();
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        fixture.Run(loggers: log, channel: channel(fixture));
        await Eventually.TrueAsync(() => log.Told.Count > 0, s_patience);
        return log.Told[0];
    }

    /// <summary>Keeps warnings.</summary>
    private sealed class Lines : ILoggerFactory, ILogger
    {
        private readonly Lock _lock = new();
        private readonly List<string> _told = [];

        public IReadOnlyList<string> Told
        {
            get
            {
                lock (_lock)
                {
                    return [.. _told];
                }
            }
        }

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lock)
            {
                _told.Add(formatter(state, exception));
            }
        }

        public void Dispose()
        {
        }
    }
}
