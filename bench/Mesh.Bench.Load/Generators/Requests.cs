using System.Globalization;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Topology;
using Mesh.Lab.Processes;

namespace Mesh.Bench.Load.Generators;

/// <summary>Small HTTP requests on 32 connections, each sent when the one before is answered, by wrk.</summary>
/// <param name="closesConnections">A new connection for every request.</param>
internal sealed class Requests(bool closesConnections) : ILoad
{
    public const int Connections = 32;

    public string RateUnit => "requests/s";

    public string WorkUnit => "1,000 requests";

    public async Task<WorkDone> RunAsync(BenchLab bench, Contender side, int seconds)
    {
        string connections = string.Create(CultureInfo.InvariantCulture, $"-c{Connections}");
        string time = string.Create(CultureInfo.InvariantCulture, $"-d{seconds}s");
        string[] closing = closesConnections ? ["-H", "Connection: close"] : [];
        CommandResult result = await side.Client.ExecuteAsync(["wrk", "-t1", connections, time, .. closing, $"http://{side.Target}/"]);
        return WrkReport.Parse(result.Output + result.Errors);
    }
}
