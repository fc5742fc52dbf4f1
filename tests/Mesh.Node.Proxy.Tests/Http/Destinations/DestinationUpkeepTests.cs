using System.Collections.Frozen;
using Mesh.Node.Model;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Http.Destinations;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Destinations;

public sealed class DestinationUpkeepTests
{
    private static readonly TrafficPolicy s_strict = new() { Outliers = new OutlierOptions { Consecutive5xx = 1 } };

    [Fact]
    public void An_ejected_endpoint_comes_back_by_itself_when_its_time_is_over()
    {
        var mesh = new ShopMesh(endpoints: 3, s_strict);
        var time = new FakeTimeProvider();
        using var upkeep = new DestinationUpkeep(mesh.Registry, new Told(mesh), time, () => mesh.NowMs);
        DestinationEndpoint endpoint = mesh.Known(0);
        endpoint.Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);

        PassSeconds(mesh, time, 29);
        Assert.True(endpoint.IsEjected);
        PassSeconds(mesh, time, 11);
        Assert.False(endpoint.IsEjected);
    }

    [Fact]
    public void A_short_interval_is_kept_to()
    {
        var mesh = new ShopMesh(endpoints: 3, new TrafficPolicy
        {
            Outliers = new OutlierOptions
            {
                Consecutive5xx = 1,
                Interval = TimeSpan.FromMilliseconds(100),
                BaseEjection = TimeSpan.FromMilliseconds(100),
            },
        });
        var time = new FakeTimeProvider();
        using var upkeep = new DestinationUpkeep(mesh.Registry, new Told(mesh), time, () => mesh.NowMs);
        DestinationEndpoint endpoint = mesh.Known(0);
        PassSeconds(mesh, time, 1);
        endpoint.Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);

        for (int i = 0; i < 20; i++)
        {
            Pass(mesh, time, 10);
        }

        Assert.False(endpoint.IsEjected);
    }

    [Fact]
    public void A_new_configuration_is_taken_over_until_it_is_disposed()
    {
        var mesh = new ShopMesh(endpoints: 3);
        var told = new Told(mesh);
        var upkeep = new DestinationUpkeep(mesh.Registry, told, new FakeTimeProvider(), () => mesh.NowMs);
        Destination destination = mesh.Destination;

        told.Publish(change => change.SetTraffic(ShopMesh.TrafficOf(s_strict)));
        Assert.NotNull(destination.Outliers);
        upkeep.Dispose();
        told.Publish(change => change.RemoveTraffic(ShopMesh.ServiceKey));
        Assert.NotNull(destination.Outliers);
    }

    private static void PassSeconds(ShopMesh mesh, FakeTimeProvider time, int seconds)
    {
        for (int i = 0; i < seconds; i++)
        {
            Pass(mesh, time, 1_000);
        }
    }

    private static void Pass(ShopMesh mesh, FakeTimeProvider time, int milliseconds)
    {
        mesh.NowMs += milliseconds;
        time.Advance(TimeSpan.FromMilliseconds(milliseconds));
    }

    /// <summary>The configuration of a mesh as the control plane has told it.</summary>
    private sealed class Told(ShopMesh mesh) : IConfigurationReader
    {
        public event Action<ConfigurationChange>? Changed;

        public MeshSnapshot Current => mesh.Snapshot;

        public void Publish(Action<MeshSnapshot.Builder> change)
        {
            MeshSnapshot before = mesh.Snapshot;
            mesh.Publish(change);
            FrozenSet<string> none = FrozenSet<string>.Empty;
            Changed?.Invoke(new ConfigurationChange(before, mesh.Snapshot, none, none, none, Traffic: [ShopMesh.ServiceKey]));
        }
    }
}
