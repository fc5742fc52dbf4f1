using System.Text;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>Runs meshctl in this process.</summary>
internal static class Cli
{
    public static async Task<CliResult> RunAsync(params string[] arguments) => await RunWithInputAsync(string.Empty, arguments);

    public static async Task<CliResult> RunWithInputAsync(string input, params string[] arguments)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        using var piped = new MemoryStream(Encoding.UTF8.GetBytes(input));
        int code = await MeshCtl.RunAsync(arguments, new Terminal(output, errors, piped, IsInteractive: false));
        return new CliResult(code, output.ToString(), errors.ToString());
    }

    public static string Golden(string name, string file) => Path.Combine(AppContext.BaseDirectory, "Golden", name, file);

    /// <summary>The folder of the repository.</summary>
    public static string Repository
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mesh.Node.sln")))
            {
                folder = folder.Parent;
            }

            Assert.NotNull(folder);
            return folder.FullName;
        }
    }
}

internal sealed record CliResult(int Code, string Output, string Errors);
