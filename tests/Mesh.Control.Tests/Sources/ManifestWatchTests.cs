using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Sources;

/// <summary>What a watcher delivers while its directory changes. Real files, real time; short intervals.</summary>
public sealed class ManifestWatchTests : IAsyncDisposable
{
    private readonly ScratchDirectory _directory = new();
    private readonly CancellationTokenSource _stopping = new(TimeSpan.FromSeconds(60));
    private ManifestWatcher? _watcher;
    private IAsyncEnumerator<ManifestSnapshot>? _snapshots;

    private string Config => _directory["config"];

    public async ValueTask DisposeAsync()
    {
        if (_snapshots is not null)
        {
            await _snapshots.DisposeAsync();
        }

        _watcher?.Dispose();
        _stopping.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Files_that_come_change_and_go_are_followed()
    {
        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        Assert.Equal(["one"], Names(await StartAsync()));

        _directory.Write("config/below/b.yaml", Manifests.Namespace("two"));
        Assert.Equal(["one", "two"], Names(await NextAsync()));

        _directory.Write("config/a.yaml", Manifests.Namespace("three"));
        Assert.Equal(["three", "two"], Names(await NextAsync()));

        File.Delete(_directory["config/below/b.yaml"]);
        Assert.Equal(["three"], Names(await NextAsync()));
    }

    [Fact]
    public async Task An_object_of_an_unchanged_file_stays_the_same_instance()
    {
        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        RawObject before = Assert.Single((await StartAsync()).Objects);

        _directory.Write("config/b.yaml", Manifests.Namespace("two"));

        Assert.Same(before, (await NextAsync()).Objects[0]);
    }

    [Fact]
    public async Task A_swapped_link_is_seen_even_when_size_and_time_are_the_same()
    {
        // As a mounted ConfigMap looks: files are links through ..data, and ..data is replaced by a rename.
        DateTime written = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        foreach ((string version, string name) in new[] { ("..v1", "one"), ("..v2", "two") })
        {
            _directory.Write($"config/{version}/a.yaml", Manifests.Namespace(name));
            File.SetLastWriteTimeUtc(_directory[$"config/{version}/a.yaml"], written);
        }

        Directory.CreateSymbolicLink(_directory["config/..data"], "..v1");
        File.CreateSymbolicLink(_directory["config/a.yaml"], "..data/a.yaml");
        Assert.Equal(["one"], Names(await StartAsync()));

        Directory.CreateSymbolicLink(_directory["config/..data_tmp"], "..v2");
        await _directory.RenameAsync("config/..data_tmp", "config/..data");

        Assert.Equal(["two"], Names(await NextAsync()));
    }

    [Fact]
    public async Task A_directory_that_is_itself_a_swapped_link_is_followed()
    {
        _directory.Write("v1/a.yaml", Manifests.Namespace("one"));
        _directory.Write("v2/a.yaml", Manifests.Namespace("two"));
        Directory.CreateSymbolicLink(Config, _directory["v1"]);
        Assert.Equal(["one"], Names(await StartAsync()));

        Directory.CreateSymbolicLink(_directory["next"], _directory["v2"]);
        await _directory.RenameAsync("next", "config");

        Assert.Equal(["two"], Names(await NextAsync()));
    }

    [Fact]
    public async Task A_file_written_twice_at_once_with_the_same_size_is_read_again()
    {
        DateTime now = DateTime.SpecifyKind(TimeProvider.System.GetUtcNow().UtcDateTime, DateTimeKind.Utc);
        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        File.SetLastWriteTimeUtc(_directory["config/a.yaml"], now);
        Assert.Equal(["one"], Names(await StartAsync()));

        _directory.Write("config/a.yaml", Manifests.Namespace("two"));
        File.SetLastWriteTimeUtc(_directory["config/a.yaml"], now);

        Assert.Equal(["two"], Names(await NextAsync()));
    }

    [Fact]
    public async Task A_broken_file_keeps_its_last_good_objects_and_blocks_nobody_else()
    {
        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        _directory.Write("config/b.yaml", Manifests.Namespace("two"));
        Assert.Empty((await StartAsync()).Diagnostics);

        _directory.Write("config/a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: [oops\n");
        ManifestSnapshot broken = await NextAsync();
        Assert.Equal(["one", "two"], Names(broken));
        Assert.Contains("stay in force", Assert.Single(broken.Diagnostics).Hint, StringComparison.Ordinal);
        Assert.True(broken.IsComplete);

        _directory.Write("config/b.yaml", Manifests.Namespace("three"));
        Assert.Equal(["one", "three"], Names(await NextAsync()));

        _directory.Write("config/a.yaml", Manifests.Namespace("four"));
        ManifestSnapshot repaired = await NextAsync();
        Assert.Equal(["four", "three"], Names(repaired));
        Assert.Empty(repaired.Diagnostics);
    }

    [Fact]
    public async Task A_file_broken_from_the_start_leaves_the_configuration_incomplete_until_it_is_repaired()
    {
        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        _directory.Write("config/b.yaml", "{");
        Assert.False((await StartAsync()).IsComplete);

        _directory.Write("config/b.yaml", Manifests.Namespace("two"));
        Assert.True((await NextAsync()).IsComplete);

        // Once complete, a new broken file is left out and stops nothing.
        _directory.Write("config/c.yaml", "{");
        ManifestSnapshot later = await NextAsync();
        Assert.True(later.IsComplete);
        Assert.Equal(["one", "two"], Names(later));
        Assert.Contains("left out", Assert.Single(later.Diagnostics).Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_to_nowhere_and_a_vanished_directory_take_nothing_away()
    {
        _directory.Write("elsewhere/a.yaml", Manifests.Namespace("one"));
        Directory.CreateDirectory(Config);
        File.CreateSymbolicLink(_directory["config/a.yaml"], _directory["elsewhere/a.yaml"]);
        Assert.Equal(["one"], Names(await StartAsync()));

        Directory.Move(_directory["elsewhere"], _directory["moved"]);
        ManifestSnapshot dangling = await NextAsync();
        Assert.Equal(["one"], Names(dangling));
        Assert.Contains("nowhere", Assert.Single(dangling.Diagnostics).Reason, StringComparison.Ordinal);

        Directory.Move(Config, _directory["gone"]);
        ManifestSnapshot vanished = await NextAsync();
        Assert.Equal(["one"], Names(vanished));
        Assert.Contains(vanished.Diagnostics, diagnostic => diagnostic.Reason.Contains("cannot be read", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_directory_behind_a_swapped_link_is_read_again_even_when_size_and_time_are_the_same()
    {
        DateTime written = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        foreach ((string version, string name) in new[] { ("v1", "one"), ("v2", "two") })
        {
            _directory.Write($"{version}/below/a.yaml", Manifests.Namespace(name));
            File.SetLastWriteTimeUtc(_directory[$"{version}/below/a.yaml"], written);
        }

        Directory.CreateSymbolicLink(Config, _directory["v1"]);
        Assert.Equal(["one"], Names(await StartAsync()));

        Directory.CreateSymbolicLink(_directory["next"], _directory["v2"]);
        await _directory.RenameAsync("next", "config");

        Assert.Equal(["two"], Names(await NextAsync()));
    }

    [Fact]
    public async Task A_file_that_can_be_read_again_is_read_although_it_did_not_change()
    {
        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        File.SetLastWriteTimeUtc(_directory["config/a.yaml"], new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        await using (new FileStream(_directory["config/a.yaml"], FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            ManifestSnapshot locked = await StartAsync();
            Assert.False(locked.IsComplete);
            Assert.Equal("a.yaml", Assert.Single(locked.Diagnostics).Origin.File);
        }

        Assert.Equal(["one"], Names(await NextAsync()));
    }

    [Fact]
    public async Task A_link_to_a_directory_that_goes_away_takes_nothing_along()
    {
        _directory.Write("elsewhere/a.yaml", Manifests.Namespace("one"));
        Directory.CreateDirectory(Config);
        Directory.CreateSymbolicLink(_directory["config/linked"], _directory["elsewhere"]);
        Assert.Equal(["one"], Names(await StartAsync()));

        Directory.Move(_directory["elsewhere"], _directory["moved"]);

        ManifestSnapshot dangling = await NextAsync();
        Assert.Equal(["one"], Names(dangling));
        Assert.Equal("linked", Assert.Single(dangling.Diagnostics).Origin.File);
    }

    [Theory]
    [InlineData(null, "no manifest")]
    [InlineData("", "no object")]
    [InlineData("# nothing yet\n---\n", "no object")]
    public async Task A_directory_without_an_object_is_no_configuration_until_there_is_one(string? text, string reason)
    {
        Directory.CreateDirectory(Config);
        if (text is not null)
        {
            _directory.Write("config/a.yaml", text);
        }

        ManifestSnapshot empty = await StartAsync();
        Assert.False(empty.IsComplete);
        Diagnostic diagnostic = Assert.Single(empty.Diagnostics);
        Assert.Equal(Config, diagnostic.Origin.File);
        Assert.Contains(reason, diagnostic.Reason, StringComparison.Ordinal);
        Assert.Contains("--allow-empty", diagnostic.Hint, StringComparison.Ordinal);

        _directory.Write("config/b.yaml", Manifests.Namespace("one"));
        ManifestSnapshot filled = await NextAsync();
        Assert.True(filled.IsComplete);
        Assert.Empty(filled.Diagnostics);
        Assert.Equal(["one"], Names(filled));
    }

    [Fact]
    public async Task A_directory_that_becomes_empty_keeps_what_it_held_until_it_holds_something()
    {
        _directory.Write("v1/a.yaml", Manifests.Namespace("one"));
        _directory.Write("v1/below/b.yaml", Manifests.Namespace("two"));
        _directory.Write("v2/a.yaml", Manifests.Namespace("three"));
        Directory.CreateDirectory(_directory["unmounted"]);
        Directory.CreateSymbolicLink(Config, _directory["v1"]);
        Assert.Equal(["one", "two"], Names(await StartAsync()));

        await SwapAsync("unmounted");
        ManifestSnapshot empty = await NextAsync();
        Assert.True(empty.IsComplete);
        Assert.Equal(["one", "two"], Names(empty));
        Assert.Contains("stays in force", Assert.Single(empty.Diagnostics).Hint, StringComparison.Ordinal);

        await SwapAsync("v2");
        ManifestSnapshot filled = await NextAsync();
        Assert.Equal(["three"], Names(filled));
        Assert.Empty(filled.Diagnostics);
    }

    [Theory]
    [InlineData("", "has become empty")]
    [InlineData("# nothing any more", "no object")]
    public async Task A_file_that_loses_the_last_object_of_all_takes_nothing_along(string text, string reason)
    {
        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        Assert.Equal(["one"], Names(await StartAsync()));

        Replace("config/a.yaml", text);
        ManifestSnapshot truncated = await NextAsync();

        Assert.Equal(["one"], Names(truncated));
        Assert.Contains(reason, Assert.Single(truncated.Diagnostics).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_becomes_empty_keeps_its_objects_until_it_is_deleted_or_says_that_it_has_none()
    {
        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        _directory.Write("config/b.yaml", Manifests.Namespace("two"));
        Assert.Equal(["one", "two"], Names(await StartAsync()));

        Replace("config/b.yaml", "");
        ManifestSnapshot truncated = await NextAsync();
        Assert.True(truncated.IsComplete);
        Assert.Equal(["one", "two"], Names(truncated));
        Diagnostic diagnostic = Assert.Single(truncated.Diagnostics);
        Assert.Equal("b.yaml", diagnostic.Origin.File);
        Assert.Equal("Delete it if its objects are to go. The objects it held before stay in force.", diagnostic.Hint);

        Replace("config/b.yaml", "# nothing any more");
        ManifestSnapshot emptied = await NextAsync();
        Assert.Equal(["one"], Names(emptied));
        Assert.Empty(emptied.Diagnostics);
    }

    [Fact]
    public async Task Where_an_empty_mesh_is_allowed_an_empty_directory_is_one()
    {
        Directory.CreateDirectory(Config);
        ManifestSnapshot empty = await StartAsync(allowsEmpty: true);
        Assert.True(empty.IsComplete);
        Assert.Empty(empty.Diagnostics);

        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        Assert.Equal(["one"], Names(await NextAsync()));

        File.Delete(_directory["config/a.yaml"]);
        Assert.Empty((await NextAsync()).Objects);
    }

    [Fact]
    public async Task Links_that_lead_back_end()
    {
        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        Directory.CreateSymbolicLink(_directory["config/loop"], Config);

        ManifestSnapshot snapshot = await StartAsync();

        Assert.Contains(snapshot.Diagnostics, diagnostic => diagnostic.Reason.Contains("leads back", StringComparison.Ordinal));
    }

    /// <summary>In one step: written in place, it could be seen empty.</summary>
    private void Replace(string name, string text)
    {
        _directory.Write("replacement", text);
        File.Move(_directory["replacement"], _directory[name], overwrite: true);
    }

    private async Task SwapAsync(string target)
    {
        Directory.CreateSymbolicLink(_directory["next"], _directory[target]);
        await _directory.RenameAsync("next", "config");
    }

    private async Task<ManifestSnapshot> StartAsync(bool allowsEmpty = false)
    {
        _watcher = new ManifestWatcher(
            new ManifestWatchOptions
            {
                Directory = Config,
                AllowsEmpty = allowsEmpty,
                PollInterval = TimeSpan.FromMilliseconds(50),
                QuietPeriod = TimeSpan.FromMilliseconds(20),
            },
            TimeProvider.System);
        _snapshots = _watcher.WatchAsync(_stopping.Token).GetAsyncEnumerator(_stopping.Token);
        return await NextAsync();
    }

    private async Task<ManifestSnapshot> NextAsync()
    {
        Assert.True(await _snapshots!.MoveNextAsync());
        return _snapshots.Current;
    }

    private static IEnumerable<string> Names(ManifestSnapshot snapshot) => snapshot.Objects.Select(found => found.Key.Name).Order();
}
