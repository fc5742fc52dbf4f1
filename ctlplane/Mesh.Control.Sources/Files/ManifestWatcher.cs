using System.Runtime.CompilerServices;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Files;

/// <summary>
/// Delivers the configuration directory and every change to it. The kernel's notifications (inotify) make it quick; polling makes it
/// sure, because notifications miss swapped links, network file systems and overflowing queues. One consumer.
/// </summary>
public sealed class ManifestWatcher(ManifestWatchOptions options, TimeProvider time) : IManifestSource
{
    private readonly ManifestDirectory _directory = new(options, time);
    private readonly SemaphoreSlim _touched = new(initialCount: 0, maxCount: 1);
    private FileSystemWatcher? _notifications;
    private string _notifiedPath = string.Empty;

    /// <summary>
    /// The present content first, then each different one, until cancelled. Never fails: what is wrong is in the snapshot.
    /// </summary>
    public async IAsyncEnumerable<ManifestSnapshot> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        _directory.TryLoad(_directory.List());
        yield return _directory.Snapshot;
        while (true)
        {
            EnsureNotifications();
            await WaitForTouchAsync(cancellation);
            DirectoryListing listing = _directory.List();
            if (!_directory.NeedsLoad(listing))
            {
                continue;
            }

            listing = await SettleAsync(listing, cancellation);
            if (_directory.TryLoad(listing))
            {
                yield return _directory.Snapshot;
            }
        }
    }

    public void Dispose()
    {
        _notifications?.Dispose();
        _touched.Dispose();
    }

    /// <summary>Waits until two looks a quiet period apart are the same.</summary>
    private async Task<DirectoryListing> SettleAsync(DirectoryListing listing, CancellationToken cancellation)
    {
        long start = time.GetTimestamp();
        while (time.GetElapsedTime(start) < options.QuietPeriodMax)
        {
            await Task.Delay(options.QuietPeriod, time, cancellation);
            DirectoryListing next = _directory.List();
            if (next.IsSameAs(listing))
            {
                return next;
            }

            listing = next;
        }

        return listing;
    }

    private async Task WaitForTouchAsync(CancellationToken cancellation)
    {
        using var poll = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task delay = Task.Delay(options.PollInterval, time, poll.Token);
        Task touched = _touched.WaitAsync(poll.Token);
        await Task.WhenAny(delay, touched);
        await poll.CancelAsync();

        // The loser ends as cancelled; nothing else can come out of either.
        await Task.WhenAll(delay, touched).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellation.ThrowIfCancellationRequested();
    }

    private void EnsureNotifications()
    {
        try
        {
            // The kernel watches a directory, not a name: where the name is a link that has been swapped, the new one must be watched.
            string path = RealPath.Of(options.Directory);
            if (_notifications is not null && _notifiedPath == path)
            {
                return;
            }

            _notifications?.Dispose();
            _notifications = null;
            var watcher = new FileSystemWatcher(path) { IncludeSubdirectories = options.IsRecursive };
            watcher.Changed += (_, _) => Touch();
            watcher.Created += (_, _) => Touch();
            watcher.Deleted += (_, _) => Touch();
            watcher.Renamed += (_, _) => Touch();
            watcher.Error += (_, _) => Touch();
            watcher.EnableRaisingEvents = true;
            _notifications = watcher;
            _notifiedPath = path;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // No such directory yet, or no inotify watches left: polling finds changes too, and this is tried again at the next poll.
        }
    }

    private void Touch()
    {
        try
        {
            _touched.Release();
        }
        catch (Exception exception) when (exception is SemaphoreFullException or ObjectDisposedException)
        {
            // A look is due already, or nobody is looking any more.
        }
    }
}
