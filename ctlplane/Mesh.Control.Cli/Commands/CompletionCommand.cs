using System.CommandLine;

namespace Mesh.Control.Cli.Commands;

/// <summary>Prints what makes a shell complete commands, options and their values.</summary>
internal static class CompletionCommand
{
    private const string Help = """
        Prints a script that makes a shell complete commands, options and their values.

        Examples:
          meshctl completion bash
          meshctl completion zsh
          meshctl completion fish

        For this shell: source <(meshctl completion bash). For every one, put that line into ~/.bashrc.
        """;

    private const string Bash = """
        _meshctl_complete() {
          local IFS=$'\n'
          COMPREPLY=($(compgen -W "$(meshctl "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _meshctl_complete meshctl

        """;

    private const string Zsh = """
        _meshctl_complete() {
          local -a found
          found=("${(@f)$(meshctl "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
          compadd -a found
          _files
        }
        compdef _meshctl_complete meshctl

        """;

    private const string Fish = """
        complete -c meshctl -a '(meshctl "[suggest:"(string length (commandline -cp))"]" (commandline -cp) 2>/dev/null)'

        """;

    public static Command Create(Terminal terminal)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", Help) { shell };
        command.SetAction(parsed =>
        {
            terminal.Output.Write(parsed.GetValue(shell) switch
            {
                "bash" => Bash,
                "zsh" => Zsh,
                _ => Fish,
            });
            return ExitCode.Fine;
        });
        return command;
    }
}
