using Mesh.Images.Files;
using Xunit;

namespace Mesh.Images.Tests;

/// <summary>A file has one path, whichever way a package or a link names it.</summary>
public sealed class FileTreeTests
{
    [Theory]
    [InlineData("./usr/bin/ip", "usr/bin/ip")]
    [InlineData("/usr/bin/ip", "usr/bin/ip")]
    [InlineData("./usr/bin/", "usr/bin")]
    [InlineData("lib/x.so", "usr/lib/x.so")]
    [InlineData("./lib64/ld.so", "usr/lib64/ld.so")]
    [InlineData("sbin/ip", "usr/sbin/ip")]
    [InlineData("lib", "lib")]
    [InlineData("libexec/x", "libexec/x")]
    [InlineData("./", "")]
    public void One_path_for_one_file(string path, string expected) => Assert.Equal(expected, FileTree.Canonical(path));

    [Theory]
    [InlineData("../etc/passwd")]
    [InlineData("usr/../../etc")]
    [InlineData("usr//bin")]
    [InlineData("usr/./bin")]
    public void What_leads_elsewhere_is_no_path(string path) =>
        Assert.Contains(path, Assert.Throws<ImageException>(() => FileTree.Canonical(path)).Message, StringComparison.Ordinal);

    [Fact]
    public void Links_are_followed_as_the_kernel_would()
    {
        PlainFile file = new("x"u8.ToArray(), FileEntry.PlainMode, default);
        FileTree files = new()
        {
            ["usr/lib64/ld.so"] = new Link("../lib/deep/ld.so", default),
            ["usr/lib/deep/ld.so"] = new Link("/lib/deep/ld-2.so", default),
            ["usr/lib/deep/ld-2.so"] = file,
            ["usr/a"] = new Link("b", default),
            ["usr/b"] = new Link("a", default),
            ["usr/dangling"] = new Link("nowhere", default),
        };

        Assert.Equal(["usr/lib64/ld.so", "usr/lib/deep/ld.so", "usr/lib/deep/ld-2.so"], files.Resolve("lib64/ld.so"));
        Assert.Empty(files.Resolve("usr/a"));
        Assert.Empty(files.Resolve("usr/dangling"));
        Assert.Empty(files.Resolve("usr/none"));
    }
}
