using System.Text.Json.Nodes;
using Mesh.Node.Capture.Cni;
using Mesh.Node.Capture.Tests.Lab;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Capture.Tests.Cni;

/// <summary>
/// Goal: the configuration that runtimes use has the plug-in for as long as it is installed, and nothing that works is lost. Method: the
/// host's directories in one of the test's own.
/// </summary>
public sealed class CniInstallationTests : IDisposable
{
    private const string List = """{"cniVersion":"1.0.0","name":"pods","x":1.50,"plugins":[{"type":"bridge"},{"type":"portmap"}]}""";
    private const string Single = """{"cniVersion":"0.4.0","name":"pods","type":"bridge","ipam":{"type":"host-local"}}""";

    private readonly DirectoryInfo _host = Directory.CreateTempSubdirectory("mesh-host-");
    private readonly CniOptions _options;

    public CniInstallationTests()
    {
        Directory.CreateDirectory(Path.Combine(_host.FullName, "etc", "cni", "net.d"));
        _options = new CniOptions
        {
            HostPrefix = _host.FullName,
            PluginFile = Path.Combine(_host.FullName, "plugin"),
            OwnNamespace = "mesh-node",
            OwnPodPrefixes = ["mesh-node-"],
        };
        File.WriteAllText(_options.PluginFile, "version 1");
    }

    private JsonObject Entry => CniInstallation.EntryOf(_options, ["infra"]);

    private string Plugin => Path.Combine(_host.FullName, "opt", "cni", "bin", "mesh-cni");

    public void Dispose() => _host.Delete(recursive: true);

    [Fact]
    public void The_first_configuration_gets_the_plug_in_at_its_end_and_keeps_all_else()
    {
        string file = Write("10-pods.conflist", List);
        Write("20-other.conflist", List);
        Write("05-notes.txt", "no configuration");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        Assert.Equal(2, Ensure().Count);
        JsonNode network = JsonNode.Parse(File.ReadAllText(file))!;
        Assert.Equal(["bridge", "portmap", "mesh-cni"], TypesOf(file));
        Assert.Equal("1.50", network["x"]!.ToJsonString());
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse("""
                {"socketPath":"/run/mesh-node/cni/agent.sock","timeoutSeconds":30,"excludedNamespaces":["infra"],
                 "ownNamespace":"mesh-node","ownPodPrefixes":["mesh-node-"],"reportsStatus":false}
                """),
            network["plugins"]![2]!["meshNode"]));
        Assert.Equal(List, File.ReadAllText(Path.Combine(Path.GetDirectoryName(file)!, "20-other.conflist")));
        Assert.Equal("version 1", File.ReadAllText(Plugin));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            Assert.True(File.GetUnixFileMode(Plugin).HasFlag(UnixFileMode.OtherExecute));
        }

        // Nothing is to be done any more, and nothing is left of the writing.
        Assert.Empty(Ensure());
        Assert.DoesNotContain(_host.EnumerateFiles("*", SearchOption.AllDirectories), found => found.Name.Contains("new", StringComparison.Ordinal));

        File.WriteAllText(_options.PluginFile!, "version 2");
        Assert.Single(Ensure());
        Assert.Equal("version 2", File.ReadAllText(Plugin));

        Assert.Equal(2, Remove().Count);
        Assert.Equal(["bridge", "portmap"], TypesOf(file));
        Assert.False(File.Exists(Plugin));
        Assert.Empty(Remove());
    }

    [Theory]
    [InlineData("10-pods.conf")]
    [InlineData("10-pods.json")]
    public void A_single_plug_in_becomes_a_chain_and_is_given_back(string name)
    {
        string single = Write(name, Single);
        string list = Path.ChangeExtension(single, ".conflist");
        Assert.Equal(2, Ensure().Count);
        Assert.False(File.Exists(single));
        JsonNode network = JsonNode.Parse(File.ReadAllText(list))!;
        Assert.Equal(("0.4.0", "pods"), ((string)network["cniVersion"]!, (string)network["name"]!));
        Assert.Equal("""{"type":"bridge","ipam":{"type":"host-local"}}""", network["plugins"]![0]!.ToJsonString());
        Assert.Equal(["bridge", "mesh-cni"], TypesOf(list));
        Assert.Empty(Ensure());

        // Its owner writes it anew: it is first again, and converted again.
        Write(name, Single.Replace("bridge", "ptp", StringComparison.Ordinal));
        Assert.Single(Ensure());
        Assert.Equal(["ptp", "mesh-cni"], TypesOf(list));

        Remove();
        Assert.False(File.Exists(list));
        Assert.Equal(Single.Replace("bridge", "ptp", StringComparison.Ordinal), File.ReadAllText(single));
    }

    [Fact]
    public void A_list_that_its_owner_writes_in_place_of_its_single_plug_in_is_not_turned_back()
    {
        string single = Write("10-pods.conf", Single);
        Ensure();
        string list = Write("10-pods.conflist", List);
        Assert.Single(Ensure());
        Assert.Equal(["bridge", "portmap", "mesh-cni"], TypesOf(list));

        Remove();
        Assert.Equal(["bridge", "portmap"], TypesOf(list));
        Assert.False(File.Exists(single));
        Assert.Equal(["10-pods.conflist"], Names());
    }

    [Fact]
    public void An_owner_s_list_without_the_plug_in_at_the_end_leaves_nothing_kept()
    {
        Write("10-pods.conf", Single);
        Ensure();
        string list = Write("10-pods.conflist", List);
        Remove();
        Assert.Equal(List, File.ReadAllText(list));
        Assert.Equal(["10-pods.conflist"], Names());
    }

    [Theory]
    [InlineData(List, List)]
    [InlineData("no list", "no list")]
    public void A_list_beside_a_single_plug_in_is_kept_and_given_back(string beside, string back)
    {
        string single = Write("10-pods.conf", Single);
        string list = Write("10-pods.conflist", beside);
        Ensure();
        Assert.Equal(["bridge", "mesh-cni"], TypesOf(list));
        Assert.Empty(Ensure());

        // Its owner writes the single one anew: what is kept of the list stays what it was.
        Write("10-pods.conf", Single.Replace("bridge", "ptp", StringComparison.Ordinal));
        Assert.Single(Ensure());
        Assert.Equal(["ptp", "mesh-cni"], TypesOf(list));

        Remove();
        Assert.Equal(back, File.ReadAllText(list));
        Assert.Equal(Single.Replace("bridge", "ptp", StringComparison.Ordinal), File.ReadAllText(single));
        Assert.Equal(["10-pods.conf", "10-pods.conflist"], Names());
    }

    [Fact]
    public void A_removal_that_was_interrupted_is_brought_to_its_end()
    {
        string single = Write("10-pods.conf", Single);
        Ensure();

        // As it is between the two steps of giving back.
        File.Move(single + ".mesh-node-saved", single);
        Remove();
        Assert.Equal(["10-pods.conf"], Names());
    }

    [Fact]
    public void A_plug_in_that_cannot_be_replaced_stays_in_the_chain()
    {
        string file = Write("10-pods.conflist", List);
        Ensure();
        File.Delete(_options.PluginFile!);
        Write("10-pods.conflist", List.Replace("portmap", "bandwidth", StringComparison.Ordinal));
        new CniInstallation(_options, Entry).Ensure(out IReadOnlyList<string> problems);
        Assert.Single(problems);
        Assert.Equal(["bridge", "bandwidth", "mesh-cni"], TypesOf(file));
    }

    [Fact]
    public void A_plug_in_that_is_written_over_is_noticed_and_one_that_is_not_is_left_alone()
    {
        Write("10-pods.conflist", List);
        CniInstallation installation = new(_options, Entry);
        Assert.Equal(2, installation.Ensure(out _).Count);
        DateTime installedAt = File.GetLastWriteTimeUtc(Plugin);
        Assert.Empty(installation.Ensure(out _));
        Assert.Equal(installedAt, File.GetLastWriteTimeUtc(Plugin));

        File.WriteAllText(Plugin, "another's");
        Assert.Single(installation.Ensure(out _));
        Assert.Equal("version 1", File.ReadAllText(Plugin));
        File.WriteAllText(_options.PluginFile!, "version 22");
        Assert.Single(installation.Ensure(out _));
        Assert.Equal("version 22", File.ReadAllText(Plugin));
    }

    [Theory]
    [InlineData("", "it is no JSON")]
    [InlineData("[]", "it is no JSON object")]
    [InlineData("""{"name":"a","name":"b","plugins":[{"type":"bridge"}]}""", "it is no JSON")]
    [InlineData("""{"plugins":[{"type":"bridge"}]}""", "it has no name")]
    [InlineData("""{"name":"pods","plugins":[]}""", "it has no list of plugins")]
    [InlineData("""{"name":"pods","plugins":["bridge"]}""", "it has no list of plugins")]
    public void Nonsense_is_named_and_left_as_it_is(string text, string reason)
    {
        string nonsense = Write("05-first.conflist", text);
        string good = Write("10-pods.conflist", List);
        new CniInstallation(_options, Entry).Ensure(out IReadOnlyList<string> problems);
        Assert.StartsWith($"{nonsense}: {reason}", Assert.Single(problems), StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(nonsense));

        // Runtimes pass it over or start no pod; those that pass it over use the next.
        Assert.Equal(["bridge", "portmap", "mesh-cni"], TypesOf(good));
    }

    [Fact]
    public void Without_the_plug_ins_file_or_a_configuration_nothing_is_touched()
    {
        string file = Write("10-pods.conflist", List);
        File.Delete(_options.PluginFile!);
        new CniInstallation(_options, Entry).Ensure(out IReadOnlyList<string> problems);
        Assert.Single(problems);
        Assert.Equal(List, File.ReadAllText(file));

        File.WriteAllText(_options.PluginFile!, "version 1");
        File.Delete(file);
        new CniInstallation(_options, Entry).Ensure(out problems);
        Assert.Contains("no network configuration", Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_another_plug_in_writes_gets_the_plug_in_again_and_a_new_first_file_too()
    {
        string file = Write("10-pods.conflist", List);
        using CancellationTokenSource stop = new();
        Task running = new CniInstaller(_options, new CniInstallation(_options, Entry), NullLogger.Instance, TimeProvider.System)
            .RunAsync(stop.Token);
        await Wait.UntilAsync(() => TypesOf(file).Contains("mesh-cni"), "the plug-in is inserted");

        Write("10-pods.conflist", List.Replace("portmap", "bandwidth", StringComparison.Ordinal));
        await Wait.UntilAsync(() => TypesOf(file).SequenceEqual(["bridge", "bandwidth", "mesh-cni"]), "it is inserted again");
        string first = Write("05-new.conflist", List);
        await Wait.UntilAsync(() => TypesOf(first).Contains("mesh-cni"), "the new first file has it");
        File.Delete(Plugin);
        await Wait.UntilAsync(() => File.Exists(Plugin), "its file is back");

        // The end of an agent changes nothing: it may be an upgrade.
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Contains("mesh-cni", TypesOf(first));
        Assert.True(File.Exists(Plugin));
    }

    private IReadOnlyList<string> Ensure()
    {
        IReadOnlyList<string> changes = new CniInstallation(_options, Entry).Ensure(out IReadOnlyList<string> problems);
        Assert.Empty(problems);
        return changes;
    }

    private IReadOnlyList<string> Remove()
    {
        IReadOnlyList<string> changes = new CniInstallation(_options, Entry).Remove(out IReadOnlyList<string> problems);
        Assert.Empty(problems);
        return changes;
    }

    /// <summary>As other plug-ins should: whole.</summary>
    private string Write(string name, string text)
    {
        string file = Path.Combine(_host.FullName, "etc", "cni", "net.d", name);
        File.WriteAllText(file + ".tmp", text);
        File.Move(file + ".tmp", file, overwrite: true);
        return file;
    }

    private string[] Names() =>
    [
        .. Directory.EnumerateFiles(Path.Combine(_host.FullName, "etc", "cni", "net.d"))
            .Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal),
    ];

    private static string[] TypesOf(string file) =>
        [.. JsonNode.Parse(File.ReadAllText(file))!["plugins"]!.AsArray().Select(entry => (string)entry!["type"]!)];
}
