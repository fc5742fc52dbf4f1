using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Mesh.Control.Cli.Commands;
using Mesh.Control.Cli.Output;

namespace Mesh.Control.Cli;

/// <summary>The command line, whole: what there is, and how it ends.</summary>
internal static class MeshCtl
{
    public const string Name = "meshctl";

    public static async Task<int> RunAsync(string[] arguments, Terminal terminal)
    {
        ParseResult parsed = Root(terminal).Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (ParseError error in parsed.Errors)
            {
                await terminal.Errors.WriteLineAsync($"{Name}: {error.Message}");
            }

            await terminal.Errors.WriteLineAsync($"Try '{CommandPathOf(parsed)} --help'.");
            return ExitCode.Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                Output = terminal.Output,
                Error = terminal.Errors,
                EnableDefaultExceptionHandler = false,
            });
        }
        catch (CommandException exception)
        {
            await terminal.Errors.WriteLineAsync($"{Name}: {exception.Message}");
            return ExitCode.Failed;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            await terminal.Errors.WriteLineAsync($"{Name}: {exception.Message}");
            return ExitCode.Failed;
        }
    }

    /// <summary>Every command with its options.</summary>
    public static RootCommand Root(Terminal terminal)
    {
        var root = new RootCommand("Checks, explains and changes the configuration of a mesh.")
        {
            AnalyzeCommand.Create(terminal),
            GetCommand.Create(terminal),
            ApplyCommand.Create(terminal),
            DeleteCommand.Create(terminal),
            TranslateCommand.Create(terminal),
            DiffCommand.Create(terminal),
            DescribeCommand.Create(terminal),
            StatusCommand.Create(terminal),
            ConfigCommand.Create(terminal),
            ExplainCommand.Create(terminal),
            CheckCommand.Create(terminal),
            InstallCommand.Create(terminal),
            CompletionCommand.Create(terminal),
        };
        RootHelp.AddTo(root);
        root.SetAction(_ =>
        {
            terminal.Errors.WriteLine($"{Name}: Which command?\nTry '{Name} --help'.");
            return ExitCode.Usage;
        });
        return root;
    }

    private static string CommandPathOf(ParseResult parsed)
    {
        var names = new List<string>();
        for (SymbolResult? at = parsed.CommandResult; at is not null; at = at.Parent)
        {
            names.Insert(0, at is CommandResult { Command: RootCommand } ? Name : ((CommandResult)at).Command.Name);
        }

        return string.Join(' ', names);
    }
}
