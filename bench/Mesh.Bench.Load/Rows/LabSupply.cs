using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Rows;

/// <summary>The lab that traffic rows share; started when the first one asks for it.</summary>
internal sealed class LabSupply : IAsyncDisposable
{
    private BenchLab? _shared;

    public async Task<BenchLab> SharedAsync() => _shared ??= await BenchLab.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (_shared is not null)
        {
            await _shared.DisposeAsync();
        }
    }
}
