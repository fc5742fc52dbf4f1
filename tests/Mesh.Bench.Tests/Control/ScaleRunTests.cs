using Mesh.Bench.Control;
using Xunit;

namespace Mesh.Bench.Tests.Control;

public sealed class ScaleRunTests
{
    private static readonly ScaleOptions s_small = new()
    {
        MeshControl = Path.Combine(AppContext.BaseDirectory, "mesh-control"),
        Services = 4,
        Pods = 8,
        Proxies = 3,
        Namespaces = 2,
        Changes = 3,
    };

    [Fact]
    public async Task A_small_mesh_reaches_every_proxy_and_so_does_each_change()
    {
        ScaleFigures figures = await ScaleRun.MeasureAsync(s_small);

        Assert.True(figures.Load > TimeSpan.Zero);
        Assert.True(figures.Storm > TimeSpan.Zero);
        Assert.Equal(s_small.Changes, figures.Changes.Count);
        Assert.All(figures.Changes, change => Assert.True(change > TimeSpan.Zero));
        Assert.True(figures.ProcessorTime > TimeSpan.Zero);
        Assert.True(figures.ResidentBytes > 0);
    }

    [Fact]
    public async Task Routes_and_policies_reach_every_proxy_and_so_does_a_change_of_each_kind()
    {
        ScaleFigures figures = await ScaleRun.MeasureAsync(s_small with { VirtualServices = 4, HttpRoutes = 4, Policies = 8 });

        Assert.True(figures.Load > TimeSpan.Zero);
        Assert.True(figures.Build < figures.Load);
        Assert.Equal(s_small.Changes, figures.Changes.Count);
        Assert.True(figures.PeakBytes >= figures.ResidentBytes);
        Assert.Null(figures.ProxyBytes);
    }

    [Fact]
    public async Task A_control_plane_that_ends_is_an_error_and_no_figure()
    {
        ScaleException exception = await Assert.ThrowsAsync<ScaleException>(
            () => ScaleRun.MeasureAsync(s_small with { MeshControl = "/bin/false" }));

        Assert.Equal("/bin/false ended with status 1 before it listened", exception.Message);
    }

    [Fact]
    public void Manifests_have_every_service_and_pod_once()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("mesh-bench-tests-");
        try
        {
            MeshManifests.Write(directory.FullName, s_small);

            string text = string.Concat(directory.GetFiles().Select(file => File.ReadAllText(file.FullName)));
            Assert.Equal(s_small.Services, text.Split("kind: Service\n").Length - 1);
            Assert.Equal(s_small.Pods, text.Split("kind: Pod\n").Length - 1);
            Assert.All(Enumerable.Range(0, s_small.Pods), pod => Assert.Single(text.Split('\n'), line => line == $"  name: pod-{pod}"));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
