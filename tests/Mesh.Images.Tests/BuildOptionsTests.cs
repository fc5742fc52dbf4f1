using Xunit;

namespace Mesh.Images.Tests;

public sealed class BuildOptionsTests
{
    [Fact]
    public void Defaults_lie_in_the_repository()
    {
        BuildOptions options = BuildOptions.Parse(["--root", "/src"], _ => null);

        Assert.Equal(
            new BuildOptions(
                "/src", "/src/artifacts/images", "/src/artifacts/debian", "trixie", null, null, false, DateTimeOffset.UnixEpoch),
            options);
    }

    [Fact]
    public void Everything_can_be_said()
    {
        BuildOptions options = BuildOptions.Parse(
            ["--root", "/src", "--output", "/o", "--cache", "/c", "--suite", "forky", "--sources", "/s", "--revision", "abc", "--offline"],
            name => name == "SOURCE_DATE_EPOCH" ? "1700000000" : null);

        Assert.Equal(
            new BuildOptions("/src", "/o", "/c", "forky", "/s", "abc", true, DateTimeOffset.FromUnixTimeSeconds(1_700_000_000)), options);
    }

    [Theory]
    [InlineData("--root is missing", "--offline")]
    [InlineData("'--what' is not an option", "--root", "/src", "--what")]
    [InlineData("--suite has no value", "--root", "/src", "--suite")]
    [InlineData("--root is given twice", "--root", "/src", "--root", "/src")]
    [InlineData("is not the name of a suite", "--root", "/src", "--suite", "trixie main")]
    public void What_is_not_understood_is_named(string expected, params string[] args) =>
        Assert.Contains(
            expected, Assert.Throws<FormatException>(() => BuildOptions.Parse(args, _ => null)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("now")]
    [InlineData("-1")]
    [InlineData("8589934592")]
    public void A_time_that_is_none_is_named(string seconds) =>
        Assert.Contains($"'{seconds}'", Assert.Throws<FormatException>(
            () => BuildOptions.Parse(["--root", "/src"], _ => seconds)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_repository_in_which_nothing_is_published_is_told_of()
    {
        DirectoryInfo empty = Directory.CreateTempSubdirectory("mesh-images-");
        try
        {
            StringWriter errors = new();
            int status = CommandLine.Run(["--root", empty.FullName, "--offline"], _ => null, TextWriter.Null, errors);

            Assert.Equal(CommandLine.Failure, status);
            Assert.Contains("Build once without --offline", errors.ToString(), StringComparison.Ordinal);
        }
        finally
        {
            empty.Delete(recursive: true);
        }
    }
}
