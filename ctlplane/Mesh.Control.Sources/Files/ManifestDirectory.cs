using System.Collections.Immutable;
using System.Security.Cryptography;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Files;

/// <summary>
/// The content of the configuration directory as last read. A file that cannot be read or understood changes nothing: its objects stay as
/// they were and a diagnostic says so. Nor does a directory in which nothing is found any more. Used by one thread, the watcher's.
/// </summary>
internal sealed class ManifestDirectory(ManifestWatchOptions options, TimeProvider time)
{
    /// <summary>
    /// A file changed this recently is read again although its metadata is the same: it may have been written twice within one tick of
    /// the file system's clock.
    /// </summary>
    private static readonly TimeSpan s_timestampGrain = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, FileState> _files = new(StringComparer.Ordinal);
    private DirectoryListing? _loaded;

    /// <summary>What the last <see cref="TryLoad"/> found.</summary>
    public ManifestSnapshot Snapshot { get; private set; } = new([], [], IsComplete: false);

    public DirectoryListing List() => DirectoryListing.Take(options);

    /// <summary>Whether <paramref name="listing"/> may hold something that has not been loaded.</summary>
    public bool NeedsLoad(DirectoryListing listing) =>
        _loaded is null || !_loaded.IsSameAs(listing) || _files.Values.Any(file => file.IsFresh);

    /// <summary>Reads what changed.</summary>
    /// <returns>Whether <see cref="Snapshot"/> is another than before.</returns>
    public bool TryLoad(DirectoryListing listing)
    {
        bool changed = _loaded is null || !_loaded.Unreadable.AsSpan().SequenceEqual(listing.Unreadable.AsSpan());
        var present = new HashSet<string>(StringComparer.Ordinal);
        foreach (ListedFile listed in listing.Files)
        {
            present.Add(listed.Path);
            changed |= LoadFile(listed);
        }

        foreach (string path in _files.Keys.ToArray())
        {
            if (!present.Contains(path) && !IsBelowUnreadable(path, listing))
            {
                _files.Remove(path);
                changed = true;
            }
        }

        _loaded = listing;
        if (changed)
        {
            Snapshot = Combine(listing);
        }

        return changed;
    }

    private bool LoadFile(ListedFile listed)
    {
        _files.TryGetValue(listed.Path, out FileState? previous);
        if (previous is { IsFresh: false } && previous.Listed == listed)
        {
            return false;
        }

        bool isFresh = (time.GetUtcNow().UtcDateTime - listed.WrittenUtc).Duration() < s_timestampGrain;
        byte[] content;
        try
        {
            content = ReadContent(listed);
            if (listed.Again() != listed)
            {
                // Half a file can be a whole document: without its second half, a policy would be gone.
                throw new IOException("The file changed while it was read; it is read again.");
            }

            if (content.Length == 0 && previous?.Objects is { IsEmpty: false })
            {
                // What a writer leaves for a moment, or for good when the disk is full. Policies must not be gone by that.
                throw new ManifestFormatException(
                    default, string.Empty, "The file has become empty.", "Delete it if its objects are to go.");
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ManifestFormatException)
        {
            // What stands in the way of reading (permissions, locks) goes away without changing the file's metadata: looked at every time.
            bool mayPass = exception is not ManifestFormatException;
            _files[listed.Path] = new FileState(
                listed, isFresh || mayPass, Hash: string.Empty, previous?.Objects, Failed(listed.Path, previous, exception));
            return previous?.Failure?.Reason != _files[listed.Path].Failure?.Reason;
        }

        string hash = Convert.ToHexString(SHA256.HashData(content));
        if (previous?.Hash == hash)
        {
            _files[listed.Path] = previous with { Listed = listed, IsFresh = isFresh };
            return false;
        }

        try
        {
            ImmutableArray<RawObject> objects = ManifestReader.Read(listed.Path, new StringReader(ManifestText.Decode(content)));
            _files[listed.Path] = new FileState(listed, isFresh, hash, objects, Failure: null);
        }
        catch (ManifestFormatException exception)
        {
            _files[listed.Path] = new FileState(listed, isFresh, hash, previous?.Objects, Failed(listed.Path, previous, exception));
        }

        return true;
    }

    private byte[] ReadContent(ListedFile listed)
    {
        if (listed.Bytes < 0)
        {
            throw new FileNotFoundException("The link leads nowhere.");
        }

        // What has no bytes need not be opened, and must not be: opening a pipe waits for its other end.
        if (listed.Bytes == 0)
        {
            return [];
        }

        using FileStream stream = File.OpenRead(listed.RealPath);
        if (stream.Length > options.FileBytesMax)
        {
            throw new ManifestFormatException(
                default, string.Empty, $"The file has {stream.Length} bytes; {options.FileBytesMax} are allowed.", "Split the file.");
        }

        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }

    private Diagnostic Failed(string path, FileState? previous, Exception exception)
    {
        string consequence = (previous?.Objects, Snapshot.IsComplete) switch
        {
            (not null, _) => "The objects it held before stay in force.",
            (null, true) => "The file is left out until it can be read.",
            (null, false) => "No configuration is applied until the file can be read.",
        };
        return exception is ManifestFormatException format
            ? new Diagnostic(
                DiagnosticSeverity.Error,
                new Origin(path, format.Position.Line),
                Object: null,
                format.Field,
                format.Message,
                Sentences(format.Hint, consequence))
            : new Diagnostic(DiagnosticSeverity.Error, new Origin(path, 0), Object: null, string.Empty, exception.Message, consequence);
    }

    private static string Sentences(string first, string second) => first.Length == 0 ? second : $"{first} {second}";

    private static bool IsBelowUnreadable(string path, DirectoryListing listing)
    {
        foreach (UnreadablePath unreadable in listing.Unreadable)
        {
            if (unreadable.Path.Length == 0 || path.StartsWith($"{unreadable.Path}/", StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private ManifestSnapshot Combine(DirectoryListing listing)
    {
        ImmutableArray<Diagnostic>.Builder diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
        bool isComplete = listing.Unreadable.IsEmpty;
        foreach (UnreadablePath unreadable in listing.Unreadable)
        {
            diagnostics.Add(new Diagnostic(
                DiagnosticSeverity.Error,
                new Origin(unreadable.Path.Length == 0 ? options.Directory : unreadable.Path, 0),
                Object: null,
                string.Empty,
                $"The directory cannot be read: {unreadable.Reason}",
                Snapshot.IsComplete
                    ? "What was read from it before stays in force."
                    : "No configuration is applied until it can be read."));
        }

        var objects = new SortedDictionary<ObjectKey, RawObject>(Comparer<ObjectKey>.Create(ObjectKey.Compare));
        foreach (FileState file in _files.Values.OrderBy(file => file.Listed.Path, StringComparer.Ordinal))
        {
            if (file.Failure is not null)
            {
                diagnostics.Add(file.Failure);
            }

            if (file.Objects is null)
            {
                isComplete = false;
                continue;
            }

            foreach (RawObject manifest in file.Objects)
            {
                if (!objects.TryAdd(manifest.Key, manifest))
                {
                    diagnostics.Add(new Diagnostic(
                        DiagnosticSeverity.Error,
                        manifest.Origin,
                        manifest.Key,
                        "metadata.name",
                        $"{manifest.Key} is already defined at {objects[manifest.Key].Origin}.",
                        "This second definition is ignored; remove one of them."));
                }
            }
        }

        ImmutableArray<RawObject> found = [.. objects.Values];
        if (found.IsEmpty && !options.AllowsEmpty)
        {
            // An empty mesh takes everything from every proxy, policies included; hardly anybody means that, and whoever does says so.
            if (isComplete || Snapshot.IsComplete)
            {
                diagnostics.Add(Nothing());
            }

            found = Snapshot.Objects;
            isComplete = false;
        }

        return new ManifestSnapshot(found, diagnostics.ToImmutable(), isComplete || Snapshot.IsComplete);
    }

    private Diagnostic Nothing() => new(
        DiagnosticSeverity.Error,
        new Origin(options.Directory, 0),
        Object: null,
        string.Empty,
        _files.Count == 0 ? "The directory holds no manifest." : "The manifests of the directory hold no object.",
        $"{(Snapshot.IsComplete ? "What was read from it before stays in force" : "No configuration is applied")} until it does; "
            + "with --allow-empty true it would mean a mesh without anything.");

    /// <param name="Listed">The metadata under which the content was read.</param>
    /// <param name="IsFresh">Whether metadata cannot vouch for the content yet.</param>
    /// <param name="Hash">Of the content; empty when it could not be read.</param>
    /// <param name="Objects">Of the last readable content; null when there has been none.</param>
    /// <param name="Failure">What is wrong with the present content.</param>
    private sealed record FileState(ListedFile Listed, bool IsFresh, string Hash, ImmutableArray<RawObject>? Objects, Diagnostic? Failure);
}
