using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Bench.Load;
using Mesh.Bench.Load.Generators.FixedRate;
using Mesh.Bench.Load.Measuring;
using Xunit;

namespace Mesh.Bench.Tests.Load;

/// <summary>
/// Goal: the generator sends what is due, whatever answers do, and measures from when it was due. Method: the parts alone, and the
/// whole against a server of the test that can stall.
/// </summary>
public sealed class FixedRateTests
{
    private const string Response = "HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: 5\r\n\r\nhello";

    [Theory]
    [InlineData(10_000)]
    [InlineData(12_345.6)]
    [InlineData(7)]
    public void A_schedule_comes_to_its_rate_and_is_even(double rate)
    {
        var schedule = new Schedule(rate, TimeSpan.FromMicroseconds(100));
        int[] due = [.. Enumerable.Range(1, 20_000).Select(tick => schedule.TakeDue(tick))];

        Assert.Equal((int)(rate * 2), due.Sum());
        double each = rate / 10_000;
        Assert.All(due, count => Assert.InRange(count, (int)Math.Floor(each), (int)Math.Ceiling(each)));
    }

    [Fact]
    public void A_response_is_whole_when_its_last_byte_is_there_however_it_comes()
    {
        byte[] bytes = Encoding.ASCII.GetBytes(Response);
        for (int cut = 1; cut < bytes.Length; cut++)
        {
            var counter = new ResponseCounter();
            Assert.False(counter.Take(bytes.AsSpan(0, cut)));
            Assert.True(counter.Take(bytes.AsSpan(cut)));

            // And the next one, which is only counted.
            Assert.False(counter.Take(bytes.AsSpan(0, cut)));
            Assert.True(counter.Take(bytes.AsSpan(cut)));
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "an answer that is none: HTTP/1.1 503 …")]
    [InlineData("HTTP/1.1 200 OK\r\nServer: test\r\n\r\n", "an answer that does not say its length")]
    [InlineData(Response + "!", "an answer of 58 bytes whose head says 57")]
    public void What_is_no_answer_of_the_origin_is_an_error(string text, string message)
    {
        BenchException exception = Assert.Throws<BenchException>(() => new ResponseCounter().Take(Encoding.ASCII.GetBytes(text)));

        Assert.Equal(message, exception.Message);
    }

    [Fact]
    public void A_percentile_is_the_least_time_that_share_came_within()
    {
        var histogram = new LatencyHistogram();
        for (int microseconds = 1; microseconds <= 1_000; microseconds++)
        {
            histogram.Add(microseconds);
        }

        Assert.Equal(0.5, histogram.PercentileMs(0.5));
        Assert.Equal(0.99, histogram.PercentileMs(0.99));
        Assert.Equal(1, histogram.PercentileMs(1));
        Assert.Throws<InvalidOperationException>(() => new LatencyHistogram().PercentileMs(0.5));
    }

    [Fact]
    public async Task Everything_due_is_sent_and_answered()
    {
        using var server = new SlowServer(TimeSpan.Zero);

        LatencyHistogram latencies = await SendAsync(server, rate: 2_000, TimeSpan.FromSeconds(1));

        Assert.Equal(2_000, latencies.Count);
    }

    [Fact]
    public async Task A_stall_is_paid_for_by_every_request_that_fell_into_it()
    {
        var stall = TimeSpan.FromMilliseconds(500);
        using var server = new SlowServer(stall);

        LatencyHistogram latencies = await SendAsync(server, rate: 1_000, TimeSpan.FromSeconds(1));

        // One request in each of four connections was stalled. Had the others waited to be sent, p99 alone would show it; as they were
        // due all the same, half a second of a thousand each waited a quarter of a second in the middle.
        Assert.Equal(1_000, latencies.Count);
        Assert.True(latencies.PercentileMs(0.75) > 200, $"p75 is {latencies.PercentileMs(0.75)} ms");
    }

    private static Task<LatencyHistogram> SendAsync(SlowServer server, double rate, TimeSpan duration)
    {
        return Task.Run(() =>
        {
            using var run = RateRun.Open(server.EndPoint, connections: 4);
            return run.Send(rate, duration);
        });
    }

    /// <summary>Answers every request at once, but the first of each connection after a pause.</summary>
    private sealed class SlowServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly TimeSpan _pause;

        public SlowServer(TimeSpan pause)
        {
            _pause = pause;
            _listener.Start();
            _ = AcceptAsync();
        }

        public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndpoint;

        public void Dispose() => _listener.Dispose();

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    _ = AnswerAsync(await _listener.AcceptSocketAsync());
                }
            }
            catch (SocketException)
            {
                // The test is over.
            }
        }

        private async Task AnswerAsync(Socket socket)
        {
            using (socket)
            {
                byte[] request = new byte[4096];
                byte[] response = Encoding.ASCII.GetBytes(Response);
                TimeSpan pause = _pause;
                while (await socket.ReceiveAsync(request) > 0)
                {
                    await Task.Delay(pause, TimeProvider.System);
                    pause = TimeSpan.Zero;
                    await socket.SendAsync(response);
                }
            }
        }
    }
}
