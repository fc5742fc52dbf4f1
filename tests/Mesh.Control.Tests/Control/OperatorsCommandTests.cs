using System.Diagnostics;
using System.Text.RegularExpressions;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>
/// The commands by which the page of operations brings a node its files. What runs on the node is taken from the page and run here.
/// </summary>
public sealed partial class OperatorsCommandTests : IDisposable
{
    private const string NodeDirectory = "/etc/mesh-node";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly ScratchDirectory _node = new();

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData("token", OwnerOnly)]
    [InlineData("root-cert.pem", OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead)]
    public async Task A_file_arrives_whole_and_with_its_mode_and_nothing_empty_replaces_it(string file, UnixFileMode mode)
    {
        Assert.Equal(0, await BringAsync(file, "first\n"));
        Assert.Equal(0, await BringAsync(file, "second\n"));
        Assert.NotEqual(0, await BringAsync(file, ""));

        Assert.Equal("second\n", await File.ReadAllTextAsync(_node[file], TestContext.Current.CancellationToken));
        Assert.Equal(mode, File.GetUnixFileMode(_node[file]));
    }

    private async Task<int> BringAsync(string file, string content)
    {
        string command = Assert.Single(
            RemoteCommand().Matches(DocumentedTables.Page("operations.md")).Select(match => match.Groups[1].Value),
            command => command.EndsWith($" mv {file}.new {file}", StringComparison.Ordinal));
        Assert.Contains(NodeDirectory, command, StringComparison.Ordinal);
        var start = new ProcessStartInfo("sh") { RedirectStandardInput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(command.Replace(NodeDirectory, _node.Path, StringComparison.Ordinal));
        using Process shell = Process.Start(start)!;
        await shell.StandardInput.WriteAsync(content);
        shell.StandardInput.Close();
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
        return shell.ExitCode;
    }

    [GeneratedRegex(@"ssh ""root@\$NODE"" '([^']+)'")]
    private static partial Regex RemoteCommand();
}
