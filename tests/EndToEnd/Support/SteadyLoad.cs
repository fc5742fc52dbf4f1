using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mesh.Lab;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// Requests from a pod at a steady rate, each begun when its time has come whatever became of those before it, as long as no more than
/// <see cref="UnderWayMax"/> are under way: the requests of a pause of this process do not all begin when it ends. What was not answered 200
/// is kept with what went on when it was asked.
/// </summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    private const int UnderWayMax = 100;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _life = new();
    private readonly ConcurrentQueue<string> _failures = new();
    private readonly HttpClient _http;
    private readonly Uri _url;
    private readonly TimeSpan _interval;
    private readonly Task _running;
    private long _answered;
    private int _underWay;

    private SteadyLoad(LabPod from, Uri url, int requestsPerSecond)
    {
        (_url, _interval) = (url, TimeSpan.FromSeconds(1) / requestsPerSecond);
        _http = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            ConnectCallback = async (context, cancellation) => new NetworkStream(
                await from.ConnectAsync(new IPEndPoint(IPAddress.Parse(context.DnsEndPoint.Host), context.DnsEndPoint.Port), cancellation),
                ownsSocket: true),
        })
        {
            Timeout = s_patience,
        };
        _running = RunAsync();
    }

    /// <summary>What goes on, as failures shall tell it.</summary>
    public string Phase { get; set; } = "";

    /// <summary>How many were answered 200.</summary>
    public long Answered => Interlocked.Read(ref _answered);

    /// <summary>Those that were not, in words.</summary>
    public IReadOnlyCollection<string> Failures => _failures;

    public static SteadyLoad Start(LabPod from, string url, int requestsPerSecond) => new(from, new Uri(url), requestsPerSecond);

    /// <summary>Begins no more, and returns when those under way have ended.</summary>
    public async Task StopAsync()
    {
        await _life.CancelAsync();
        await _running;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _http.Dispose();
        _life.Dispose();
    }

    private async Task RunAsync()
    {
        long startedAt = Stopwatch.GetTimestamp();
        List<Task> asked = [];
        for (long turn = 1; !_life.IsCancellationRequested; turn++)
        {
            if (Volatile.Read(ref _underWay) < UnderWayMax)
            {
                asked.Add(AskAsync(Phase));
            }

            TimeSpan left = (_interval * turn) - Stopwatch.GetElapsedTime(startedAt);
            if (left > TimeSpan.Zero)
            {
                await Task.Delay(left, TimeProvider.System, _life.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await Task.WhenAll(asked);
    }

    private async Task AskAsync(string phase)
    {
        Interlocked.Increment(ref _underWay);
        try
        {
            using HttpResponseMessage answer = await _http.GetAsync(_url);
            if (answer.StatusCode == HttpStatusCode.OK)
            {
                Interlocked.Increment(ref _answered);
            }
            else
            {
                _failures.Enqueue($"{phase}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or OperationCanceledException)
        {
            _failures.Enqueue($"{phase}: {exception.Message} {exception.InnerException?.Message}");
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
        }
    }
}
