using System.Globalization;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Topology;
using Mesh.Lab.Processes;

namespace Mesh.Bench.Load.Generators;

/// <summary>One TCP stream from client to server, by iperf3.</summary>
internal sealed class BulkStream : ILoad
{
    public string RateUnit => "Gbit/s";

    public string WorkUnit => "GB";

    public async Task<WorkDone> RunAsync(BenchLab bench, Contender side, int seconds)
    {
        string port = side.Target.Port.ToString(CultureInfo.InvariantCulture);
        string time = seconds.ToString(CultureInfo.InvariantCulture);
        CommandResult result = await side.Client.ExecuteAsync(
            "iperf3", "--client", side.Target.Address.ToString(), "--port", port, "--time", time, "--json");
        return Iperf3Report.Parse(result.Output);
    }
}
