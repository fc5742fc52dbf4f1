using System.Globalization;
using System.Text.RegularExpressions;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd.Talks;

/// <summary>
/// What the second talk shows about traffic, row by row. Goal: its manifests do what it says, applied as they are. Method: the golden files
/// of the control plane, curl and h2load in pods of the application.
/// </summary>
[Collection(nameof(TalkGroup))]
public sealed partial class BoardsTalkTests(TalkLab fixture) : IsolatedTests(fixture)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private BoardsApplication Boards => fixture.Boards;

    [LabFact]
    public async Task Row_2_1_Policy_is_in_force_without_a_restart_of_anything()
    {
        long first = Boards.Requests(1);
        long third = Boards.Requests(3);
        await EstablishAsync(TalkLab.Manifest("destinationrules-all"));
        await EstablishAsync(TalkLab.Manifest("virtual-services-default"));
        Assert.StartsWith("items v", await CurlAsync("app-ui", "/"), StringComparison.Ordinal);

        await EstablishAsync(TalkLab.Manifest("userprofile-v3"));
        Assert.Equal(string.Concat(Enumerable.Repeat("items v3 ", 10)), await CurlAsync("app-ui", "/[1-10]"));
        await EstablishAsync(TalkLab.Manifest("userprofile-v1"));
        Assert.Equal(string.Concat(Enumerable.Repeat("items v1 ", 10)), await CurlAsync("app-ui", "/[1-10]"));

        // The servers that were there before have answered.
        Assert.True(Boards.Requests(1) >= first + 10 && Boards.Requests(3) >= third + 10);
    }

    [LabFact]
    public async Task Row_2_2_and_2_3_The_series_have_every_edge_of_the_graph_and_no_other()
    {
        await EstablishAsync(TalkLab.Manifest("userprofile-50-50"));
        Dictionary<string, double> before = await EdgesAsync();
        const int Requests = 60;
        await CurlAsync("app-ui", $"/[1-{Requests}]");
        Dictionary<string, double> grown = [];
        await Eventually.TrueAsync(
            async () =>
            {
                grown = Grown(await EdgesAsync(), before);
                return Edge("boards -> mongodb 1.0 tcp") >= Requests && Edge("app-ui -> boards 1.0 http") >= Requests
                    && Edge("app-ui -> userprofile 1.0 http") + Edge("app-ui -> userprofile 3.0 http") >= Requests;
            },
            s_limit,
            "Every request is counted");

        double Edge(string name) => grown.GetValueOrDefault(name);
        Assert.Equal(
            [
                "app-ui -> app-ui 1.0 http", "app-ui -> boards 1.0 http", "app-ui -> userprofile 1.0 http", "app-ui -> userprofile 3.0 http",
                "boards -> mongodb 1.0 tcp",
            ],
            grown.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(Requests, grown["app-ui -> boards 1.0 http"]);
        Assert.Equal(Requests, grown["boards -> mongodb 1.0 tcp"]);
        Assert.Equal(Requests, grown["app-ui -> userprofile 1.0 http"] + grown["app-ui -> userprofile 3.0 http"]);
    }

    [LabFact]
    public async Task Row_2_5_The_slow_version_shows_in_the_histogram_of_durations()
    {
        await EstablishAsync(TalkLab.Manifest("destinationrules-all"));
        MetricSamples before = await DurationsAsync();
        Boards.SecondVersionDelay = TimeSpan.FromMilliseconds(300);
        try
        {
            await Eventually.TrueAsync(
                async () =>
                {
                    await CurlAsync("userprofile", "/[1-10]");
                    MetricSamples now = await DurationsAsync();
                    return Count(now, "1.0", "+Inf") > Count(before, "1.0", "+Inf") && Count(now, "2.0", "+Inf") > Count(before, "2.0", "+Inf");
                },
                s_limit,
                "Both versions have been asked");
        }
        finally
        {
            Boards.SecondVersionDelay = TimeSpan.Zero;
        }

        MetricSamples after = await DurationsAsync();
        Assert.Equal(Count(before, "2.0", "250"), Count(after, "2.0", "250"));
        Assert.True(Count(after, "1.0", "250") > Count(before, "1.0", "250"));

        static double Count(MetricSamples samples, string version, string bound) => samples.Sum(
            "istio_request_duration_milliseconds_bucket",
            ("reporter", "source"), ("destination_app", "userprofile"), ("destination_version", version), ("le", bound));
    }

    [LabFact]
    public async Task Row_2_9_All_traffic_changes_its_version_under_load_without_an_error()
    {
        const int Requests = 200;
        await EstablishAsync(TalkLab.Manifest("userprofile-v3"));
        long third = Boards.Requests(3);

        // Fifty each second.
        Task<int> loading = LoadAsync(Requests, "--h1", "-c", "5", "--rps", "10");
        await Eventually.TrueAsync(() => Boards.Requests(3) > third + 20, s_limit, "The load has begun");
        await EstablishAsync(TalkLab.Manifest("userprofile-v1"));
        long settled = Boards.Requests(3);
        long first = Boards.Requests(1);

        Assert.Equal(Requests, await loading);
        Assert.Equal(200, await LoadAsync(200, "--h1", "-c", "5"));
        Assert.InRange(Boards.Requests(3), settled, settled + 5); // What was on its way when the change was.
        Assert.True(Boards.Requests(1) >= first + 200);
    }

    [LabFact]
    public async Task Row_2_10_A_new_version_gets_a_tenth_then_half_then_all()
    {
        // The standard deviation of one in ten is 0.42 % of so many, of one in two 0.71 %.
        const int Requests = 5_000;
        await AssertShareAsync("userprofile-90-10", Requests * 7 / 100, Requests * 13 / 100);
        await AssertShareAsync("userprofile-50-50", Requests * 45 / 100, Requests * 55 / 100);
        await AssertShareAsync("userprofile-v3", Requests, Requests);

        async Task AssertShareAsync(string manifest, int least, int most)
        {
            await EstablishAsync(TalkLab.Manifest(manifest));
            (long first, long second, long third) = (Boards.Requests(1), Boards.Requests(2), Boards.Requests(3));
            Assert.Equal(Requests, await LoadAsync(Requests, "--h1", "-c", "8"));
            (first, second, third) = (Boards.Requests(1) - first, Boards.Requests(2) - second, Boards.Requests(3) - third);
            Assert.Equal((Requests, 0), (first + third, second));
            Assert.InRange(third, least, most);
        }
    }

    [LabFact]
    public async Task Row_2_11_A_version_that_dies_is_left_and_comes_back_with_its_pod()
    {
        const int LostMax = 2;
        await EstablishAsync(TalkLab.Manifest("userprofile-50-50"));
        await EstablishAsync(TalkLab.Manifest("destinationrule-circuitbreaking"));
        Assert.Contains("v3", await CurlAsync("userprofile", "/[1-60]"), StringComparison.Ordinal);

        string pod = Boards.ProfilePod(3);
        await Boards.KillProfileAsync(3);
        string[] codes = (await CurlAsync("userprofile", "/[1-100]", "-o", "/dev/null", "-w", "%{http_code} ")).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(100, codes.Length);
        Assert.True(codes.Count(code => code != "200") <= LostMax, string.Join(' ', codes));
        await AssertAllFirstAsync();
        string clusters = await (await Lab.NodeAsync("node-1")).AdminAsync("/clusters");
        string line = Assert.Single(clusters.Split('\n'), line => line.Contains($"/{pod}::outlier=", StringComparison.Ordinal)
            && line.Contains("::subset=v3::", StringComparison.Ordinal));
        Assert.Contains("::health_flags=/failed_outlier_check::", line, StringComparison.Ordinal);

        await Boards.DeleteProfilePodAsync(3);
        await AssertAllFirstAsync();
        await Boards.ReplaceProfilePodAsync(3);
        await Eventually.TrueAsync(
            async () => (await CurlAsync("userprofile", "/[1-10]")).Contains("v3", StringComparison.Ordinal), s_limit, "The version is back");

        async Task AssertAllFirstAsync() =>
            Assert.Equal(string.Concat(Enumerable.Repeat("v1", 60)), await CurlAsync("userprofile", "/[1-60]"));
    }

    [LabFact]
    public async Task Row_2_17_Half_of_the_requests_are_aborted_or_delayed_as_the_fault_says()
    {
        // Six standard deviations of so many draws at a half leave these bounds.
        const int Requests = 300;
        await EstablishAsync(TalkLab.Manifest("userprofile-503"));
        double before = await FaultsAsync();
        string[] codes = (await CurlAsync("userprofile", $"/[1-{Requests}]", "-o", "/dev/null", "-w", "%{http_code} "))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        int aborted = codes.Count(code => code == "503");
        Assert.Equal(Requests, aborted + codes.Count(code => code == "200"));
        Assert.InRange(aborted, (Requests / 2) - 52, (Requests / 2) + 52);
        await Eventually.TrueAsync(async () => await FaultsAsync() - before == aborted, s_limit, "Every fault is counted");

        // All at once, as each may take five seconds.
        const int Clients = 48;
        await EstablishAsync(TalkLab.Manifest("userprofile-delay"));
        string curl = $"curl -sS --max-time 60 -o /dev/null -w '%{{http_code}} %{{time_total}}\\n' {await Boards.UrlAsync("userprofile", "/")}";
        LabPod client = await Lab.PodAsync("boards/app-ui");
        string output = await client.OutputAsync("sh", "-c", $"for i in $(seq {Clients}); do {curl} & done; wait");
        string[] said = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(Clients, said.Length);
        Assert.All(said, text => Assert.StartsWith("200 ", text, StringComparison.Ordinal));
        Assert.InRange(said.Count(text => double.Parse(text[4..], CultureInfo.InvariantCulture) >= 5), (Clients / 2) - 21, (Clients / 2) + 21);

        async Task<double> FaultsAsync() => (await (await Lab.NodeAsync("node-1")).MetricsAsync()).Sum(
            "istio_requests_total",
            ("reporter", "source"), ("destination_service_name", "userprofile"), ("response_flags", "FI"), ("response_code", "503"));
    }

    [GeneratedRegex(@"status codes: (\d+) 2xx")]
    private static partial Regex GoodCount();

    /// <summary>Asks a service from the pod of app-ui.</summary>
    private async Task<string> CurlAsync(string service, string path, params string[] more)
    {
        LabPod client = await Lab.PodAsync("boards/app-ui");
        return await client.OutputAsync(["curl", "-sS", "--max-time", "60", .. more, await Boards.UrlAsync(service, path)]);
    }

    /// <summary>Asks userprofile many times, and returns how many answers were good.</summary>
    private async Task<int> LoadAsync(int requests, params string[] options)
    {
        LabPod client = await Lab.PodAsync("boards/app-ui");
        CommandResult result = await client.ExecuteAsync(["h2load", "-n", $"{requests}", .. options, await Boards.UrlAsync("userprofile", "/")]);
        Match good = GoodCount().Match(result.Output);
        Assert.True(good.Success, result.Output + result.Errors);
        return int.Parse(good.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
    }

    private async Task<MetricSamples> DurationsAsync() => await (await Lab.NodeAsync("node-1")).MetricsAsync();

    /// <summary>How often one application has asked another, by who, whom, its version and how, within the namespace of the talk.</summary>
    private async Task<Dictionary<string, double>> EdgesAsync()
    {
        Dictionary<string, double> edges = new(StringComparer.Ordinal);
        foreach (string node in (string[])["node-1", "node-2"])
        {
            MetricSamples samples = await (await Lab.NodeAsync(node)).MetricsAsync();
            foreach (MetricSample sample in samples.All.Where(sample =>
                sample.Name is "istio_requests_total" or "istio_tcp_connections_opened_total"
                && sample.Labels["reporter"] == "source"
                && sample.Labels["source_workload_namespace"] == "boards"))
            {
                string edge = $"{sample.Labels["source_app"]} -> {sample.Labels["destination_app"]} "
                    + $"{sample.Labels["destination_version"]} {sample.Labels["request_protocol"]}";
                edges[edge] = edges.GetValueOrDefault(edge) + sample.Value;
            }
        }

        return edges;
    }

    private static Dictionary<string, double> Grown(Dictionary<string, double> now, Dictionary<string, double> before) =>
        now.Where(edge => edge.Value > before.GetValueOrDefault(edge.Key))
            .ToDictionary(edge => edge.Key, edge => edge.Value - before.GetValueOrDefault(edge.Key), StringComparer.Ordinal);
}
