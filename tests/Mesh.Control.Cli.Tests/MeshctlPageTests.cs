using System.CommandLine;
using System.Text.RegularExpressions;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>The page for users names commands and options that exist, and all of them.</summary>
public sealed partial class MeshctlPageTests
{
    private static readonly string s_page = File.ReadAllText(Path.Combine(Cli.Repository, "ctlplane/docs/meshctl.md"));

    private static readonly RootCommand s_root =
        MeshCtl.Root(new Terminal(TextWriter.Null, TextWriter.Null, Stream.Null, IsInteractive: false));

    public static TheoryData<string> Examples =>
    [
        .. ExampleLine().Matches(s_page).Select(match => match.Value)
            .Concat(s_root.Subcommands.SelectMany(command => ExampleLine().Matches(command.Description!).Select(match => match.Value)))
            .Distinct(),
    ];

    [Fact]
    public void Every_command_has_a_section_and_examples() => Assert.All(s_root.Subcommands, command =>
    {
        Assert.Matches($"(?m)^## .*\\b{command.Name}\\b", s_page);
        Assert.Contains("Examples:", command.Description, StringComparison.Ordinal);
    });

    [Fact]
    public void Every_option_is_in_the_page_and_every_option_in_the_page_exists()
    {
        string[] existing = [.. s_root.Subcommands.SelectMany(command => command.Options)
            .SelectMany(option => option.Aliases.Append(option.Name)).Distinct()];
        string[] documented = [.. OptionName().Matches(s_page).Select(match => match.Value).Distinct()];

        Assert.Empty(documented.Except(existing.Append("--help")));
        Assert.Empty(existing.Where(name => name.StartsWith("--", StringComparison.Ordinal)).Except(documented));
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void Every_example_is_understood(string example)
    {
        // The shell takes redirections, and the quotes.
        string[] words = [.. Word().Matches(example.Split(" > ")[0]).Select(match => match.Value.Trim('\'', '"')).Skip(1)];

        Assert.Empty(s_root.Parse(words).Errors);
    }

    [GeneratedRegex(@"(?m)(?<=^|\| |  )meshctl [a-z].*(?<!\.)$")]
    private static partial Regex ExampleLine();

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z-]+")]
    private static partial Regex OptionName();

    [GeneratedRegex("""'[^']*'|"[^"]*"|\S+""")]
    private static partial Regex Word();
}
