using System.Text;
using Mesh.Images.Debian;
using Mesh.Images.Files;
using Xunit;

namespace Mesh.Images.Tests;

/// <summary>
/// Goal: of packages an image takes what it needs, with licences and records, and nothing more. Method: packages made by dpkg-deb,
/// with this test's own executable as the program.
/// </summary>
public sealed class DistributionTests : IDisposable
{
    private const string Linked = "libstdc++.so.6";

    private static readonly string s_linker = Path.GetFileName(Machine.Current.Interpreter);
    private static readonly IReadOnlyList<string> s_needed = ElfImage.Read(File.ReadAllBytes(Environment.ProcessPath!))!.Needed;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-images-");

    private static string Libraries => $"usr/lib/{Machine.Current.Triplet}";

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_package_is_read()
    {
        DebianPackage package = DebianPackage.Read(DebFile.Make(
            _folder, "tool", "Source: tools (9)\nHomepage: http://tool.test/\n",
            ("usr/bin/tool", "run"), ("lib/other", "-> ../usr/bin/tool"), ("usr/share/man/man1/tool.1", "how"),
            ("usr/share/doc/tool/copyright", "free")));

        Assert.Equal(("tool", "1:2.0-3", Machine.Current.Debian), (package.Name, package.Version, package.Architecture));
        Assert.Equal(("tools", "http://tool.test/"), (package.Source, package.Homepage));
        Assert.Equal(
            ["usr/bin/tool", "usr/lib/other", "usr/share/doc/tool/copyright"], package.Files.Entries.Select(entry => entry.Key));
    }

    [Fact]
    public void A_program_comes_with_all_that_it_needs_and_nothing_else()
    {
        DistributionLayer layer = new(Whole(), []);

        layer.Add("usr/bin/program");

        Assert.Equal(
            s_needed.Append(s_linker).Append(Linked + ".0").Distinct().Select(name => $"{Libraries}/{name}").Concat(
            [
                Machine.Current.Interpreter, "usr/bin/program", "usr/share/doc/libc", "usr/share/doc/licences/copyright",
                "usr/share/doc/program/copyright", "var/lib/dpkg/status.d/libc", "var/lib/dpkg/status.d/licences",
                "var/lib/dpkg/status.d/program",
            ]).Order(StringComparer.Ordinal),
            layer.Files.Entries.Select(entry => entry.Key));
        Assert.Equal(["libc", "licences", "program"], layer.Packages.Select(package => package.Name));
        layer.Files.TryGet("var/lib/dpkg/status.d/program", out FileEntry? record);
        Assert.StartsWith("Package: program\n", Encoding.UTF8.GetString(((PlainFile)record!).Content.Span), StringComparison.Ordinal);
        LinkCheck.Run("test", [layer.Files], Machine.Current);
    }

    [Fact]
    public void What_is_in_a_layer_below_is_not_in_one_above()
    {
        Distribution distribution = Whole();
        DistributionLayer below = new(distribution, []);
        below.AddLibrary("libc.so.6", "a test");
        DistributionLayer above = new(distribution, [below.Files]);

        above.Add("usr/bin/program");

        Assert.True(below.Files.Contains($"{Libraries}/libc.so.6"));
        Assert.False(above.Files.Contains($"{Libraries}/libc.so.6"));
        LinkCheck.Run("test", [below.Files, above.Files], Machine.Current);
    }

    [Fact]
    public void A_library_that_no_package_has_is_named()
    {
        Distribution distribution = Of(DebFile.Make(
            _folder, "program", "", ("usr/bin/program", "copy " + Environment.ProcessPath), ("usr/share/doc/program/copyright", "free"),
            (Machine.Current.Interpreter, "the linker")));

        ImageException thrown = Assert.Throws<ImageException>(() => new DistributionLayer(distribution, []).Add("usr/bin/program"));

        Assert.Matches("^usr/bin/program needs the library lib.*, which no package that is downloaded has[.]$", thrown.Message);
    }

    [Fact]
    public void A_package_without_a_licence_is_refused()
    {
        Distribution distribution = Of(DebFile.Make(_folder, "tool", "", ("usr/bin/tool", "run")));

        ImageException thrown = Assert.Throws<ImageException>(() => new DistributionLayer(distribution, []).Add("usr/bin/tool"));

        Assert.Contains("tool has no licence at /usr/share/doc/tool/copyright", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_in_which_a_library_is_missing_is_refused()
    {
        FileTree files = new()
        {
            ["usr/bin/program"] = new PlainFile(File.ReadAllBytes(Environment.ProcessPath!), FileEntry.ProgramMode, default),
            [Machine.Current.Interpreter] = new PlainFile(default, FileEntry.ProgramMode, default),
        };

        ImageException thrown = Assert.Throws<ImageException>(() => LinkCheck.Run("test", [files], Machine.Current));

        Assert.Matches("^The image test has no library lib.*, which /usr/bin/program is linked with[.]$", thrown.Message);
    }

    // As libc6 and libgcc-s1 do: links, and one package with the licence of another.
    private Distribution Whole() => Of(
        DebFile.Make(
            _folder, "program", "", ("usr/bin/program", "copy " + Environment.ProcessPath), ("usr/bin/unused", "x"),
            ("usr/share/doc/program/copyright", "free")),
        DebFile.Make(
            _folder, "libc", "",
            [
                (Machine.Current.Interpreter, $"-> /{Libraries}/{s_linker}"), ($"{Libraries}/{s_linker}", "the linker"),
                .. s_needed.Where(name => name != s_linker && name != Linked).Select(name => ($"{Libraries}/{name}", name)),
                ($"{Libraries}/{Linked}", $"-> {Linked}.0"), ($"{Libraries}/{Linked}.0", "stdc++"),
                ($"{Libraries}/libunused.so", "u"), ("usr/share/doc/libc", "-> licences"),
            ]),
        DebFile.Make(_folder, "licences", "", ("usr/share/doc/licences/copyright", "free"), ("usr/share/doc/licences/changes", "many")));

    private static Distribution Of(params string[] packages) => new(Machine.Current, packages.Select(DebianPackage.Read));
}
