using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Pods;

/// <summary>
/// Pods named by files in a directory, one each: a file that appears enrols, one that goes un-enrols. A file that becomes unreadable
/// or wrong is reported, and what it said before still holds.
/// </summary>
internal sealed class DirectoryPodSource(string directory, ILogger logger, TimeProvider time) : IPodSource
{
    private const int FilesMax = 4096;
    private const string Suffix = ".json";

    // Looked at this often even if the kernel reports no change, as over some network file systems.
    private static readonly TimeSpan s_rescan = TimeSpan.FromSeconds(10);

    // Several changes at once are one.
    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(20);

    // What each file said last that could be read, and what was last reported wrong with it. Used by WatchAsync only.
    private readonly Dictionary<string, PodSpec> _lastGood = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _reported = new(StringComparer.Ordinal);
    private string? _directoryProblem;

    /// <summary>All pods, once the directory could be read, and each time something changed. Ends when cancelled.</summary>
    public async IAsyncEnumerable<IReadOnlyList<PodSpec>> WatchAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        Channel<bool> changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        FileSystemWatcher? watcher = null;
        try
        {
            bool isFirst = true;
            while (true)
            {
                // Before the scan, so that nothing that happens after it is missed.
                watcher ??= TryWatch(changes.Writer);
                bool hasChanged = Scan();
                if (hasChanged || (isFirst && _directoryProblem is null))
                {
                    isFirst = false;
                    yield return [.. _lastGood.Values];
                }

                await WaitAsync(changes.Reader, cancellation);
            }
        }
        finally
        {
            watcher?.Dispose();
        }
    }

    private async Task WaitAsync(ChannelReader<bool> changes, CancellationToken cancellation)
    {
        using CancellationTokenSource rescan = new(s_rescan, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(rescan.Token, cancellation);
        try
        {
            await changes.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return;
        }

        await Task.Delay(s_settle, time, cancellation);
        changes.TryRead(out _);
    }

    private FileSystemWatcher? TryWatch(ChannelWriter<bool> changes)
    {
        try
        {
            FileSystemWatcher watcher = new(directory);
            watcher.Created += (_, _) => changes.TryWrite(true);
            watcher.Changed += (_, _) => changes.TryWrite(true);
            watcher.Deleted += (_, _) => changes.TryWrite(true);
            watcher.Renamed += (_, _) => changes.TryWrite(true);
            watcher.Error += (_, _) => changes.TryWrite(true);
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception unavailable) when (unavailable is ArgumentException or IOException or UnauthorizedAccessException)
        {
            // It does not exist yet, or watches are used up: the rescan has to do.
            return null;
        }
    }

    /// <returns>Whether anything is different.</returns>
    private bool Scan()
    {
        string[] files;
        try
        {
            files = [.. Directory.EnumerateFiles(directory).Where(IsPodFile).Order(StringComparer.Ordinal).Take(FilesMax + 1)];
            _directoryProblem = null;
        }
        catch (Exception unavailable) when (unavailable is IOException or UnauthorizedAccessException)
        {
            // A directory that cannot be read says nothing about pods; those known stay.
            if (_directoryProblem != unavailable.Message)
            {
                _directoryProblem = unavailable.Message;
                Log.DirectoryUnavailable(logger, directory, unavailable.Message);
            }

            return false;
        }

        if (files.Length > FilesMax)
        {
            Log.DirectoryUnavailable(logger, directory, $"there are more than {FilesMax} files");
            return false;
        }

        bool changed = false;
        foreach (string file in files)
        {
            changed |= Read(file);
        }

        foreach (string gone in _lastGood.Keys.Except(files).ToArray())
        {
            changed |= _lastGood.Remove(gone);
        }

        foreach (string gone in _reported.Keys.Except(files).ToArray())
        {
            _reported.Remove(gone);
        }

        return changed;
    }

    private bool Read(string file)
    {
        try
        {
            string uid = Path.GetFileNameWithoutExtension(file);
            PodSpec pod = PodFileReader.Read(uid, ReadLimited(file));
            _reported.Remove(file);
            bool isNews = !_lastGood.TryGetValue(file, out PodSpec? earlier) || !earlier.Says(pod);
            if (isNews)
            {
                _lastGood[file] = pod;
            }

            return isNews;
        }
        catch (FileNotFoundException)
        {
            // It went between the listing and now. The next scan sees that.
            return false;
        }
        catch (Exception wrong) when (wrong is CaptureException or IOException or UnauthorizedAccessException)
        {
            if (!_reported.TryGetValue(file, out string? reported) || reported != wrong.Message)
            {
                _reported[file] = wrong.Message;
                string consequence = _lastGood.ContainsKey(file) ? "what it said before holds" : "the pod is not captured";
                Log.PodFileWrong(logger, file, wrong.Message, consequence);
            }

            return false;
        }
    }

    /// <exception cref="CaptureException">It is longer than a pod file may be.</exception>
    public static byte[] ReadLimited(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        if (stream.Length > PodFileReader.FileBytesMax)
        {
            throw new CaptureException($"it has {stream.Length} bytes, more than {PodFileReader.FileBytesMax}");
        }

        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private static bool IsPodFile(string path) => path.EndsWith(Suffix, StringComparison.Ordinal) && Path.GetFileName(path)[0] != '.';
}
