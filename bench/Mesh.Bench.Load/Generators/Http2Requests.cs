using System.Globalization;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Topology;
using Mesh.Lab.Processes;

namespace Mesh.Bench.Load.Generators;

/// <summary>Small requests over HTTP/2 with prior knowledge, 32 at once on each of 8 connections, by h2load.</summary>
internal sealed class Http2Requests : ILoad, IFixedRateLoad
{
    private const int Connections = 8;
    private const int Streams = 32;

    public string RateUnit => "requests/s";

    public string WorkUnit => "1,000 requests";

    public async Task<WorkDone> RunAsync(BenchLab bench, Contender side, int seconds) =>
        (await ExecuteAsync(side, seconds, [])).Done;

    /// <remarks>
    /// h2load counts a request from when it is sent, and sends it when it is due, unless all streams of its connection are taken: at 70 %
    /// of what a peer can do they are not, unless it stalls.
    /// </remarks>
    public async Task<(WorkDone Done, LatencyHistogram Latencies)> RunAsync(
        BenchLab bench, Contender side, int seconds, double requestsPerSecond)
    {
        string log = Path.Combine(bench.Scratch, $"{Guid.NewGuid():N}.log");
        string rate = string.Create(CultureInfo.InvariantCulture, $"--rps={requestsPerSecond / Connections:0.##}");
        WorkDone done = (await ExecuteAsync(side, seconds, [rate, $"--log-file={log}"])).Done;
        return (done, H2LoadReport.ParseLog(File.ReadLines(log)));
    }

    private static async Task<H2LoadReport> ExecuteAsync(Contender side, int seconds, string[] more)
    {
        string[] command =
        [
            "h2load", string.Create(CultureInfo.InvariantCulture, $"-c{Connections}"),
            string.Create(CultureInfo.InvariantCulture, $"-m{Streams}"), string.Create(CultureInfo.InvariantCulture, $"-D{seconds}"),
            .. more, $"http://{side.Target}/",
        ];
        CommandResult result = await side.Client.ExecuteAsync(command);
        return H2LoadReport.Parse(result.Output + result.Errors);
    }
}
