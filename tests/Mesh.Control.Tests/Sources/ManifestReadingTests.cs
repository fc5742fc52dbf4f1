using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Sources;

/// <summary>What one look at a directory makes of its files.</summary>
public sealed class ManifestReadingTests : IDisposable
{
    private readonly ScratchDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Documents_lists_and_json_are_all_objects()
    {
        _directory.Write(
            "a.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: one}\n---\n# nothing\n---\n"
            + "apiVersion: v1\nkind: Namespace\nmetadata: {name: two}\n");
        _directory.Write("b.yml", """
            apiVersion: v1
            kind: List
            items:
            - apiVersion: v1
              kind: Service
              metadata: {name: three, namespace: shop}
            - apiVersion: security.istio.io/v1
              kind: PeerAuthentication
              metadata: {name: four}
            """);
        _directory.Write("c.json", """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"five","namespace":"shop"}}""");
        _directory.Write("README.md", "not: [a manifest");
        _directory.Write(".hidden.yaml", "not: [a manifest");
        _directory.Write(".git/d.yaml", "not: [a manifest");

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Assert.Empty(snapshot.Diagnostics);
        Assert.True(snapshot.IsComplete);
        Assert.Equal(
            ["Namespace one", "Namespace two", "PeerAuthentication default/four", "Pod shop/five", "Service shop/three"],
            snapshot.Objects.Select(found => found.Key.ToString()));
        RawObject listed = snapshot.Objects.Single(found => found.Key.Name == "four");
        Assert.Equal("security.istio.io", listed.Key.Group);
        Assert.Equal(new Origin("b.yml", 7), listed.Origin);
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task Directories_below_count_only_when_asked(bool isRecursive, int count)
    {
        _directory.Write("a.yaml", Manifests.Namespace("one"));
        _directory.Write("below/deeper/b.yaml", Manifests.Namespace("two"));

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path, isRecursive);

        Assert.Equal(count, snapshot.Objects.Length);
        Assert.True(snapshot.IsComplete);
    }

    [Theory]
    [InlineData("a: [1, 2\nb: 3\n", 1, "", "Not valid YAML")]
    [InlineData("a: b\nc: \"d\n", 2, "", "Not valid YAML")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  name: y\n", 5, "name", "twice")]
    [InlineData("just text\n", 1, "", "Not an object")]
    [InlineData("- a\n- b\n", 1, "", "Not an object")]
    [InlineData("kind: Pod\nmetadata: {name: x}\n", 1, "apiVersion", "missing")]
    [InlineData("apiVersion: v1\nmetadata: {name: x}\n", 1, "kind", "missing")]
    [InlineData("apiVersion: v1\nkind: Pod\n", 1, "metadata", "without metadata")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {labels: {}}\n", 3, "metadata.name", "missing")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata:\n  name: 12\n", 4, "metadata.name", "must be a string")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata:\n  name: Not_A_Name\n", 4, "metadata.name", "is not a name")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  namespace: a.b\n", 5, "metadata.namespace", "is not a namespace")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata:\n  name: on\n", 4, "metadata.name", "must be a string")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: !!python/object {}\n", 4, "", "Tag")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: *nowhere\n", 4, "", "Alias")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: &a\n  <<: {b: c}\n", 5, "<<", "Merge keys")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: &a [*a]\n", 4, "", "Alias")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {[a]: b}\n", 4, "", "key")]
    [InlineData("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {}}]\n", 3, "items[0].metadata.name", "missing")]
    public async Task A_broken_file_is_named_with_line_field_and_reason(string text, int line, string field, string reason)
    {
        _directory.Write("broken.yaml", text);

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Diagnostic diagnostic = Assert.Single(snapshot.Diagnostics);
        Assert.Equal(DiagnosticSeverity.Error, diagnostic.Severity);
        Assert.Equal(new Origin("broken.yaml", line), diagnostic.Origin);
        Assert.Equal(field, diagnostic.Field);
        Assert.Contains(reason, diagnostic.Reason, StringComparison.Ordinal);
        Assert.Empty(snapshot.Objects);
        Assert.False(snapshot.IsComplete);
    }

    [Fact]
    public async Task Bytes_that_are_not_utf8_are_refused()
    {
        await WriteBytesAsync("latin.yaml", [.. "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n# caf"u8, 0xe9]);

        Diagnostic diagnostic = Assert.Single((await Manifests.ReadAsync(_directory.Path)).Diagnostics);

        Assert.Equal(new Origin("latin.yaml", 4), diagnostic.Origin);
        Assert.Contains("E9", diagnostic.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_hides_behind_a_control_character()
    {
        string policy = Manifests.Strict("shop");
        await WriteBytesAsync("nul.yaml", [.. "# one\n"u8, 0, (byte)'\n', .. System.Text.Encoding.UTF8.GetBytes(policy)]);

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Diagnostic diagnostic = Assert.Single(snapshot.Diagnostics);
        Assert.Equal(new Origin("nul.yaml", 2), diagnostic.Origin);
        Assert.Contains("control character 00", diagnostic.Reason, StringComparison.Ordinal);
        Assert.False(snapshot.IsComplete);
    }

    [Fact]
    public async Task A_mark_of_utf8_at_the_start_is_no_part_of_the_text()
    {
        await WriteBytesAsync("marked.yaml", [0xef, 0xbb, 0xbf, .. System.Text.Encoding.UTF8.GetBytes(Manifests.Namespace("one"))]);

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Assert.Empty(snapshot.Diagnostics);
        Assert.Single(snapshot.Objects);
    }

    [Fact]
    public async Task The_items_of_a_typed_list_are_what_the_list_says()
    {
        _directory.Write("pods.json", """
            {"apiVersion": "v1", "kind": "PodList", "items": [
              {"metadata": {"name": "one", "namespace": "shop"}},
              {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "two", "namespace": "shop"}}]}
            """);
        _directory.Write("none.yaml", "apiVersion: v1\nkind: List\nitems: []\n");

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Assert.Empty(snapshot.Diagnostics);
        Assert.Equal(["Pod shop/one", "Pod shop/two"], snapshot.Objects.Select(found => found.Key.ToString()));
    }

    [Fact]
    public async Task Kinds_that_are_not_read_may_have_names_of_their_own()
    {
        _directory.Write("role.yaml", "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: 'system:node'}\n");

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Assert.Empty(snapshot.Diagnostics);
        Assert.True(snapshot.IsComplete);
    }

    [Fact]
    public async Task A_pipe_is_not_waited_for()
    {
        _directory.Write("a.yaml", Manifests.Namespace("one"));
        using (var make = System.Diagnostics.Process.Start("mkfifo", [_directory["b.yaml"]]))
        {
            await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path)
            .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal("one", Assert.Single(snapshot.Objects).Key.Name);
    }

    [Fact]
    public async Task A_file_has_a_largest_size()
    {
        _directory.Write("large.yaml", Manifests.Namespace("one") + "#" + new string('x', 2_000));

        ManifestSnapshot snapshot = await Manifests.ReadAsync(
            new ManifestWatchOptions { Directory = _directory.Path, FileBytesMax = 1_000 });

        Diagnostic diagnostic = Assert.Single(snapshot.Diagnostics);
        Assert.Equal("large.yaml", diagnostic.Origin.File);
        Assert.Contains("1000 are allowed", diagnostic.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Links_that_multiply_directories_have_an_end()
    {
        // Each of these holds the next one twice: followed everywhere, 2^15 directories.
        for (int level = 0; level < 15; level++)
        {
            Directory.CreateDirectory(_directory[$"d{level}"]);
            Directory.CreateSymbolicLink(_directory[$"d{level}/left"], _directory[$"d{level + 1}"]);
            Directory.CreateSymbolicLink(_directory[$"d{level}/right"], _directory[$"d{level + 1}"]);
        }

        _directory.Write("d15/a.yaml", Manifests.Namespace("one"));

        ManifestSnapshot snapshot = await Manifests.ReadAsync(
            new ManifestWatchOptions { Directory = _directory["d0"], DirectoryCountMax = 100 });

        Assert.False(snapshot.IsComplete);
        Assert.Contains(snapshot.Diagnostics, found => found.Reason.Contains("More than 100 directories", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_link_to_a_directory_that_is_not_there_leaves_the_configuration_incomplete()
    {
        _directory.Write("config/a.yaml", Manifests.Namespace("one"));
        Directory.CreateSymbolicLink(_directory["config/policies"], _directory["not-mounted"]);

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory["config"]);

        Assert.False(snapshot.IsComplete);
        Assert.Equal("policies", Assert.Single(snapshot.Diagnostics).Origin.File);
    }

    [Fact]
    public async Task Nesting_has_an_end()
    {
        string deep = string.Concat(Enumerable.Repeat("{a: ", 100)) + "1" + new string('}', 100);
        _directory.Write("deep.yaml", $"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec: {deep}\n");

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Assert.Contains("deeper", Assert.Single(snapshot.Diagnostics).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Aliases_share_what_they_stand_for()
    {
        _directory.Write("x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\na: &a [x, y]\nb: [*a, *a]\n");

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Assert.Empty(snapshot.Diagnostics);
        var shared = Assert.IsType<RawSequence>(snapshot.Objects[0].Fields.Find("b"));
        Assert.Same(shared.Items[0], shared.Items[1]);
    }

    [Theory]
    [InlineData("a: &a [x, x, x, x, x, x, x, x, x, x]\n", "[", "]")]
    [InlineData("a: &a {apiVersion: v1, kind: List, items: []}\n", "{apiVersion: v1, kind: List, items: [", "]}")]
    public async Task Aliases_count_as_what_they_stand_for(string first, string open, string close)
    {
        // A "billion laughs": written out, this would be 10^9 values, or as many lists to go through.
        string text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n" + first;
        for (char name = 'b'; name <= 'i'; name++)
        {
            string previous = $"*{(char)(name - 1)}";
            text += $"{name}: &{name} {open}{string.Join(", ", Enumerable.Repeat(previous, 10))}{close}\n";
        }

        _directory.Write("laughs.yaml", text);

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Assert.Contains("values in one file", Assert.Single(snapshot.Diagnostics).Reason, StringComparison.Ordinal);
        Assert.Empty(snapshot.Objects);
    }

    [Fact]
    public async Task Aliases_do_not_nest_deeper_than_values()
    {
        string text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\na0: &a0 [x]\n";
        for (int level = 1; level < 10_000; level++)
        {
            text += $"a{level}: &a{level} [*a{level - 1}]\n";
        }

        _directory.Write("deep.yaml", text);

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Assert.Contains("deeper", Assert.Single(snapshot.Diagnostics).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1", ScalarKind.Integer)]
    [InlineData("-17", ScalarKind.Integer)]
    [InlineData("0x1F", ScalarKind.Integer)]
    [InlineData("1.5", ScalarKind.Number)]
    [InlineData("1e3", ScalarKind.Number)]
    [InlineData(".5", ScalarKind.Number)]
    [InlineData("yes", ScalarKind.Boolean)]
    [InlineData("Off", ScalarKind.Boolean)]
    [InlineData("true", ScalarKind.Boolean)]
    [InlineData("~", ScalarKind.Null)]
    [InlineData("null", ScalarKind.Null)]
    [InlineData("10.0.0.1", ScalarKind.Text)]
    [InlineData("1.2.3", ScalarKind.Text)]
    [InlineData("2024-01-01", ScalarKind.Text)]
    [InlineData("1e", ScalarKind.Text)]
    [InlineData("-", ScalarKind.Text)]
    [InlineData("y", ScalarKind.Text)]
    [InlineData("'1'", ScalarKind.Text)]
    [InlineData("\"true\"", ScalarKind.Text)]
    [InlineData("!!str 1", ScalarKind.Text)]
    public async Task Unquoted_text_means_what_it_means_to_kubernetes(string written, ScalarKind kind)
    {
        _directory.Write(
            "x.yaml", $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\nvalue: {(written == "-" ? "'-'" : written)}\n");

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Assert.Equal(kind, Assert.IsType<RawScalar>(snapshot.Objects[0].Fields.Find("value")).Kind);
    }

    [Fact]
    public async Task Of_two_definitions_the_first_counts_and_both_are_named()
    {
        _directory.Write("a.yaml", Manifests.Pod("shop", "cart", "10.0.0.1"));
        _directory.Write("b.yaml", "# a comment\n" + Manifests.Pod("shop", "cart", "10.0.0.2"));

        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory.Path);

        Assert.Equal("a.yaml", Assert.Single(snapshot.Objects).Origin.File);
        Diagnostic diagnostic = Assert.Single(snapshot.Diagnostics);
        Assert.Equal(new Origin("b.yaml", 2), diagnostic.Origin);
        Assert.Contains("a.yaml:1", diagnostic.Reason, StringComparison.Ordinal);
        Assert.True(snapshot.IsComplete);
    }

    [Fact]
    public async Task A_directory_that_does_not_exist_is_an_error_and_not_an_empty_mesh()
    {
        ManifestSnapshot snapshot = await Manifests.ReadAsync(_directory["nowhere"]);

        Assert.False(snapshot.IsComplete);
        Diagnostic diagnostic = Assert.Single(snapshot.Diagnostics);
        Assert.Contains("cannot be read", diagnostic.Reason, StringComparison.Ordinal);
        Assert.Equal("No configuration is applied until it can be read.", diagnostic.Hint);
    }

    private Task WriteBytesAsync(string file, byte[] content) =>
        File.WriteAllBytesAsync(_directory[file], content, TestContext.Current.CancellationToken);
}
