using System.Globalization;
using System.Text.RegularExpressions;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Versions of a service under load. Goal: shares are as they are written, and neither a change of them nor the death of a version XX
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
        await ApplyAsync(Versions());
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
        await ApplyAsync(Versions());
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

    [GeneratedRegex(@"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx")]
    private static partial Regex StatusCounts();

    private static string Versions() =>
        Applications.Pod("shift-v1", node: 1, Service, "v1", [])
        + Applications.Pod("shift-v2", node: 2, Service, "v2", [])
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
