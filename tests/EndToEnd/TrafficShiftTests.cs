using System.Globalization;
using System.Text.RegularExpressions;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Versions of a service under load. Goal: shares are as they are written, and neither a change of them nor the death of a version costs a
/// request. Method: h2load in a pod, versions on both nodes that are told apart by the status they answer.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed partial class TrafficShiftTests(TproxyLab fixture) : IsolatedTests(fixture)
{
    private const string Service = "shift";

    [LabFact]
    public async Task A_split_holds_to_a_hundredth_and_nothing_is_sent_twice()
    {
        // The standard deviation of one in ten is 0.15 % of so many.
        const int Requests = 40_000;
        await ApplyAsync(Versions([], []));
        await Fixture.ReadyAsync();
        await using WebServer first = await AnsweringAsync("mesh/shift-v1", StatusCodes.Status200OK);
        await using WebServer second = await AnsweringAsync("mesh/shift-v2", StatusCodes.Status404NotFound);
        await EstablishAsync(Split(90, 10));

        Load load = await LoadAsync("--h1", "-n", $"{Requests}", "-c", "16");

        Assert.Equal(Requests, load.Good + load.ClientErrors);
        Assert.Equal((load.Good, load.ClientErrors), (first.Requests, second.Requests));
        Assert.InRange(load.ClientErrors, Requests * 9 / 100, Requests * 11 / 100);
    }

    [LabFact]
    public async Task A_split_is_flipped_under_load_without_an_error()
    {
        const int Requests = 40_000;
        await ApplyAsync(Versions([], []));
        await Fixture.ReadyAsync();
        await using WebServer first = await AnsweringAsync("mesh/shift-v1", StatusCodes.Status200OK);
        await using WebServer second = await AnsweringAsync("mesh/shift-v2", StatusCodes.Status200OK);
        await EstablishAsync(Split(100, 0));

        Task<Load> loading = LoadAsync("-n", $"{Requests}", "-c", "8", "-m", "4");
        bool isFlipped = false;
        do
        {
            isFlipped = !isFlipped;
            await EstablishAsync(isFlipped ? Split(0, 100) : Split(100, 0));
        }
        while (!loading.IsCompleted);
        Load load = await loading;

        Assert.Equal(Requests, load.Good);
        Assert.True(first.Requests > 0 && second.Requests > 0, $"{first.Requests} and {second.Requests}");

        (long before, WebServer other) = isFlipped ? (first.Requests, first) : (second.Requests, second);
        Assert.Equal(1_000, (await LoadAsync("-n", "1000", "-c", "4")).Good);
        Assert.Equal(before, other.Requests);
    }

    [LabFact]
    public async Task A_version_that_is_killed_costs_two_requests_at_most_and_the_other_takes_all()
    {
        const int Requests = 300;
        const int LostMax = 2;
        await ApplyAsync(Versions(
            ["lab-app", "http", "--port", "8080", "--name", "v1"], ["lab-app", "http", "--port", "8080", "--name", "v2"]));
        await Fixture.ReadyAsync();
        await Lab.WaitForListenerAsync("mesh/shift-v1");
        await Lab.WaitForListenerAsync("mesh/shift-v2");
        await EstablishAsync(Split(50, 50));

        // Fifty each second, for six seconds.
        Task<Load> loading = LoadAsync("--h1", "-n", $"{Requests}", "-c", "5", "--rps", "10");
        double before = await CountAsync(("destination_version", "v1"));
        await Eventually.TrueAsync(
            async () => await CountAsync(("destination_version", "v1")) > before + 20, TimeSpan.FromSeconds(30), "the version is used");
        double cut = await CountAsync(("response_flags", "UC"));
        await Lab.KillAsync("pod/mesh/shift-v1");
        Load load = await loading;

        // Those that the version had been sent and not answered are lost whatever is done: nobody knows what it did about them.
        double sent = await CountAsync(("response_flags", "UC")) - cut;
        Assert.True(load.Good >= Requests - LostMax - sent, $"{load.Text}{sent} had been sent");
        LabPod client = await Lab.PodAsync("mesh/client-1");
        string answers = await client.OutputAsync("curl", "-sS", "--max-time", "30", $"http://{await Lab.AddressAsync(Service)}/[1-100]");
        Assert.Equal(100, SecondVersion().Count(answers));
    }

    [GeneratedRegex(@"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx")]
    private static partial Regex StatusCounts();

    [GeneratedRegex("\"v2\"")]
    private static partial Regex SecondVersion();

    private static string Versions(string[] first, string[] second) =>
        Applications.Pod("shift-v1", node: 1, Service, "v1", first)
        + Applications.Pod("shift-v2", node: 2, Service, "v2", second)
        + Applications.Service(Service)
        + $$"""
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: {{Service}}, namespace: mesh}
            spec:
              host: {{Service}}
              subsets: [{name: v1, labels: {version: v1} }, {name: v2, labels: {version: v2} }]
            """;

    private static string Split(int first, int second) =>
        $$$"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: {{{Service}}}, namespace: mesh}
        spec:
          hosts: [{{{Service}}}]
          http:
          - route:
            - {destination: {host: {{{Service}}}, subset: v1}, weight: {{{first}}}}
            - {destination: {host: {{{Service}}}, subset: v2}, weight: {{{second}}}}
        """;

    private async Task<WebServer> AnsweringAsync(string pod, int status) =>
        await WebServer.StartAsync(await Lab.PodAsync(pod), Applications.Port, context =>
        {
            context.Response.StatusCode = status;
            return Task.CompletedTask;
        });

    /// <summary>How many requests the client's side has counted that carry a label.</summary>
    private async Task<double> CountAsync((string Name, string Value) label)
    {
        MetricSamples samples = await (await Lab.NodeAsync("node-1")).MetricsAsync();
        return samples.Sum("istio_requests_total", ("reporter", "source"), ("destination_service_name", Service), label);
    }

    private async Task<Load> LoadAsync(params string[] options)
    {
        LabPod client = await Lab.PodAsync("mesh/client-1");
        string said = await client.OutputAsync(["h2load", .. options, $"http://{await Lab.AddressAsync(Service)}/"]);
        Match counts = StatusCounts().Match(said);
        Assert.True(counts.Success, said);
        int[] numbers = [.. counts.Groups.Values.Skip(1).Select(group => int.Parse(group.Value, CultureInfo.InvariantCulture))];
        return new Load(numbers[0], numbers[2], said);
    }

    /// <param name="Good">Answers with a status of 2xx.</param>
    /// <param name="ClientErrors">Likewise, 4xx.</param>
    /// <param name="Text">All that was said.</param>
    private sealed record Load(int Good, int ClientErrors, string Text);
}
