using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Mesh.Control.Cli.Output;

/// <summary>The help of the whole: a line for each command. That of a command is the library's.</summary>
internal sealed class RootHelp(SynchronousCommandLineAction ofCommand) : SynchronousCommandLineAction
{
    public static void AddTo(RootCommand root)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        option.Action = new RootHelp((SynchronousCommandLineAction)option.Action!);
    }

    public override int Invoke(ParseResult parseResult)
    {
        if (parseResult.CommandResult.Command is not RootCommand root)
        {
            return ofCommand.Invoke(parseResult);
        }

        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine(root.Description);
        output.WriteLine();
        int width = root.Subcommands.Max(command => command.Name.Length);
        foreach (Command command in root.Subcommands)
        {
            string first = command.Description!.Split("\n\n")[0].ReplaceLineEndings(" ").Split(": ")[0].TrimEnd('.');
            output.WriteLine($"  {MeshCtl.Name} {command.Name.PadRight(width)}  {first}.");
        }

        output.WriteLine();
        output.WriteLine(
            $"'{MeshCtl.Name} COMMAND --help' says more, with examples. '{MeshCtl.Name} completion bash' completes what you type.");
        return ExitCode.Fine;
    }
}
