using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources;

/// <summary>Where the configuration comes from. One consumer.</summary>
public interface IManifestSource : IDisposable
{
    /// <summary>
    /// What the source holds, then each different state of it, until cancelled. Never fails: what is wrong is in the snapshot.
    /// </summary>
    IAsyncEnumerable<ManifestSnapshot> WatchAsync(CancellationToken cancellation);
}
