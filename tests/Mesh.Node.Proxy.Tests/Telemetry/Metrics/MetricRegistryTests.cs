using Mesh.Node.Proxy.Telemetry.Metrics;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry.Metrics;

public sealed class MetricRegistryTests
{
    private readonly MetricRegistry _registry = new(loops: 3);

    [Fact]
    public async Task A_scrape_has_help_type_and_value_of_every_family()
    {
        ShardedCounter frames = _registry.AddShardedCounter("mesh_frames_total", "Frames read.", LabelSet.Of(("kind", "data")));
        _registry.AddGauge("mesh_pools", "Pools.", () => 2.5);
        frames.Add(loopIndex: 0);
        frames.Add(loopIndex: 2, amount: 41);

        Assert.Equal(
            """
            # HELP mesh_frames_total Frames read.
            # TYPE mesh_frames_total counter
            mesh_frames_total{kind="data"} 42
            # HELP mesh_pools Pools.
            # TYPE mesh_pools gauge
            mesh_pools 2.5

            """,
            await Exposition.TextAsync(_registry));
    }

    [Fact]
    public async Task OpenMetrics_names_a_counters_family_without_its_suffix_and_ends_with_EOF()
    {
        _registry.AddCounter("mesh_drops_total", "Drops.").Add(3);

        Assert.Equal(
            """
            # HELP mesh_drops Drops.
            # TYPE mesh_drops counter
            mesh_drops_total 3
            # EOF

            """,
            await Exposition.TextAsync(_registry, ExpositionFormat.OpenMetrics));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("")]
    [InlineData("a \"quoted\" word")]
    [InlineData("back\\slash and \n line")]
    [InlineData("\\\\\"\"\n\n")]
    [InlineData("größe – 大")]
    public async Task Label_values_survive_the_text(string value)
    {
        _registry.AddGauge("mesh_x", "X.", LabelSet.Of(("value", value)), () => 1);
        Assert.Equal(value, Assert.Single(await Exposition.LinesAsync(_registry)).Labels["value"]);
    }

    [Fact]
    public async Task A_lone_surrogate_costs_a_character_and_not_the_scrape()
    {
        _registry.AddGauge("mesh_x", "X.", LabelSet.Of(("value", "a\ud800b")), () => 1);
        Assert.Equal("a\ufffdb", Assert.Single(await Exposition.LinesAsync(_registry)).Labels["value"]);
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(9_007_199_254_740_992, "9007199254740992")]
    [InlineData(0.1, "0.1")]
    [InlineData(double.PositiveInfinity, "+Inf")]
    [InlineData(double.NegativeInfinity, "-Inf")]
    [InlineData(double.NaN, "NaN")]
    public async Task Values_are_written_as_Prometheus_reads_them(double value, string text)
    {
        _registry.AddGauge("mesh_x", "X.", () => value);
        Assert.EndsWith($"mesh_x {text}\n", await Exposition.TextAsync(_registry), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Series_of_one_family_stand_together_whatever_the_order_of_registration()
    {
        _registry.AddGauge("mesh_a", "A.", LabelSet.Of(("loop", "0")), () => 1);
        _registry.AddGauge("mesh_b", "B.", () => 2);
        _registry.AddGauge("mesh_a", "A.", LabelSet.Of(("loop", "1")), () => 3);
        Assert.Equal(["mesh_a", "mesh_a", "mesh_b"], (await Exposition.LinesAsync(_registry)).Select(line => line.Name));
    }

    [Fact]
    public async Task A_scrape_larger_than_the_flush_size_arrives_whole()
    {
        for (int index = 0; index < 2_000; index++)
        {
            int value = index;
            _registry.AddGauge("mesh_many", "Many.", LabelSet.Of(("index", $"{index:D100}")), () => value);
        }

        List<Exposition.Line> lines = await Exposition.LinesAsync(_registry);
        Assert.Equal(Enumerable.Range(0, 2_000).Select(index => (double)index), lines.Select(line => line.Value));
    }

    [Fact]
    public void The_same_series_twice_is_refused()
    {
        _registry.AddGauge("mesh_a", "A.", LabelSet.Of(("loop", "0")), () => 1);
        Assert.Throws<ArgumentException>(() => _registry.AddGauge("mesh_a", "A.", LabelSet.Of(("loop", "0")), () => 1));
    }

    [Fact]
    public void One_name_with_two_meanings_is_refused()
    {
        _registry.AddGauge("mesh_a", "A.", LabelSet.Of(("loop", "0")), () => 1);
        Assert.Throws<ArgumentException>(() => _registry.AddGauge("mesh_a", "Another.", LabelSet.Of(("loop", "1")), () => 1));
    }

    [Theory]
    [InlineData("mesh-a")]
    [InlineData("0mesh")]
    [InlineData("")]
    [InlineData("mesh_a_total")]
    public void A_gauge_with_a_wrong_name_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => _registry.AddGauge(name, "A.", () => 1));

    [Fact]
    public void A_counter_without_its_suffix_is_refused() =>
        Assert.Throws<ArgumentException>(() => _registry.AddCounter("mesh_a", "A."));

    [Theory]
    [InlineData("a.b")]
    [InlineData("__name__")]
    [InlineData("a:b")]
    [InlineData("")]
    public void A_wrong_label_name_is_refused(string name) => Assert.Throws<ArgumentException>(() => LabelSet.Of((name, "x")));

    [Fact]
    public async Task Concurrent_adds_of_different_loops_are_not_lost()
    {
        ShardedCounter counter = _registry.AddShardedCounter("mesh_adds_total", "Adds.");
        Thread[] loops = [.. Enumerable.Range(0, 3).Select(loop => new Thread(() =>
        {
            for (int index = 0; index < 100_000; index++)
            {
                counter.Add(loop);
            }
        }))];
        Array.ForEach(loops, loop => loop.Start());
        Array.ForEach(loops, loop => loop.Join());
        Assert.Equal(300_000, (await Exposition.LinesAsync(_registry)).Value("mesh_adds_total"));
    }
}
