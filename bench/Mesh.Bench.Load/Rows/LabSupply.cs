using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Rows;

/// <summary>Labs to measure in: one that traffic rows share, started when the first one asks for it, and fresh ones.</summary>
/// <param name="congestion">The kernel's name of a congestion control; null leaves the machine's.</param>
internal sealed class LabSupply(string? congestion) : IAsyncDisposable
{
    private BenchLab? _shared;

    public async Task<BenchLab> SharedAsync() => _shared ??= await FreshAsync();

    /// <summary>A lab nothing has run in; the caller's to end.</summary>
    public Task<BenchLab> FreshAsync() => BenchLab.StartAsync(congestion);

    public async ValueTask DisposeAsync()
    {
        if (_shared is not null)
        {
            await _shared.DisposeAsync();
        }
    }
}
