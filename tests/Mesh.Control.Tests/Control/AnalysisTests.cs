using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Control.Analysis;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>What the control plane says of what is wrong between objects.</summary>
public sealed class AnalysisTests
{
    private static string Route(string name, string destination) => $"""
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: {name}
          namespace: shop
        spec:
          hosts: [{name}]
          http:
          - route:
            - destination:
                host: {destination}
        ---

        """;

    [Fact]
    public async Task It_shows_findings_and_takes_them_back()
    {
        await using var control = new TestControlPlane();
        control.Write("a.yaml", Manifests.Namespace("shop") + Manifests.Service("shop", "cart", "10.1.0.1", "cart"));
        control.Write("b.yaml", Route("cart", "crat"));
        await control.StartAsync();
        await Eventually.TrueAsync(async () => (await FindingsAsync(control)).Any(IsOfDestination), "found");

        JsonNode finding = Assert.Single(await FindingsAsync(control), IsOfDestination)!;
        Assert.Equal("IST0101", (string?)finding["code"]);
        Assert.Equal("KIA1101", (string?)finding["alias"]);
        Assert.Equal("b.yaml", (string?)finding["file"]);
        Assert.Equal(11, (int?)finding["line"]);

        control.Write("b.yaml", Route("cart", "cart"));
        await Eventually.TrueAsync(async () => !(await FindingsAsync(control)).Any(IsOfDestination), "gone");
    }

    [Fact]
    public void A_large_mesh_is_analysed_whole()
    {
        const int Count = 2_000;
        var text = new StringBuilder(Manifests.Namespace("shop"));
        for (int number = 0; number < Count; number++)
        {
            text.Append(Manifests.Service("shop", $"s{number}", $"10.1.{number / 250}.{(number % 250) + 1}", $"s{number}"));
            text.Append(Manifests.Pod("shop", $"s{number}", $"10.2.{number / 250}.{(number % 250) + 1}"));
            text.Append(Route($"s{number}", number % 1_000 == 7 ? "nowhere" : $"s{(number + 1) % Count}"));
        }

        (ImmutableArray<RawObject> objects, Diagnostic? problem) = ManifestFiles.ReadText("mesh.yaml", text.ToString());
        Assert.Null(problem);
        long start = TimeProvider.System.GetTimestamp();
        AnalysisResult result = Analyzer.Find(objects, new TranslationOptions());
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{objects.Length} objects in {TimeProvider.System.GetElapsedTime(start).TotalMilliseconds:0} ms");

        Assert.Equal(
            ["s7", "s1007"],
            result.Findings.Where(finding => finding.Code == "IST0101").Select(finding => finding.Object!.Value.Name));

        // One object of it, as it would be asked about before it is written.
        RawObject written = ManifestFiles.ReadText("written.yaml", Route("s9", "nowhere")).Objects[0];
        start = TimeProvider.System.GetTimestamp();
        ImmutableArray<Diagnostic> about = Analyzer.FindAbout(result, written);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"one of them in {TimeProvider.System.GetElapsedTime(start).TotalMilliseconds:0.0} ms");
        Assert.Equal(["IST0101"], about.Select(finding => finding.Code));
        Assert.Empty(Analyzer.FindAbout(result, ManifestFiles.ReadText("written.yaml", Route("s7", "s8")).Objects[0]));
    }

    private static async Task<JsonNode?[]> FindingsAsync(TestControlPlane control) =>
        [.. JsonNode.Parse((await control.AdminAsync("/debug/diagnostics")).Body)!["diagnostics"]!.AsArray()];

    private static bool IsOfDestination(JsonNode? finding) => (string?)finding!["field"] == "spec.http[0].route[0].destination.host"
        && (string?)finding["code"] == "IST0101";
}
