using System.CommandLine;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Installation;
using Mesh.Control.Cli.Output;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cli.Commands;

/// <summary>Says whether the mesh can be installed, before it is.</summary>
internal static class CheckCommand
{
    private const string Help = """
        Looks whether a cluster, or this machine as a node of one, can have the mesh, and changes nothing.

        Of a cluster: the version of its API server, your rights, definitions of kinds that are there already, other meshes, settings of
        Cilium, the systems of its nodes. With --on-node, of this machine: its kernel and what that can do, and its CNI configuration.

        Examples:
          meshctl check
          meshctl check --context staging -o json
          meshctl check --on-node

        Ends with 1 when something fails; warnings do not.
        """;

    public static Command Create(Terminal terminal)
    {
        var onNode = new Option<bool>("--on-node") { Description = "Looks at this machine, and asks no API server." };
        Option<string> form = Documents.FormOption("table", "yaml", "json");
        var cluster = new ClusterOptions();
        var command = new Command("check", Help) { onNode, form };
        cluster.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            List<CheckResult> results = parsed.GetValue(onNode)
                ? [.. new NodeCheck("/").Run()]
                : await AskAsync(cluster, parsed, cancellation);
            Write(terminal, parsed.GetValue(form)!, results);
            return results.Exists(result => result.State == CheckState.Fail) ? ExitCode.Failed : ExitCode.Fine;
        });
        return command;
    }

    private static async Task<List<CheckResult>> AskAsync(ClusterOptions cluster, ParseResult parsed, CancellationToken cancellation)
    {
        using KubernetesApi api = cluster.Open(parsed);
        try
        {
            return await new ClusterCheck(new KubernetesObjects(api)).RunAsync(cancellation);
        }
        catch (HttpRequestException exception)
        {
            throw new CommandException($"{api.Address}: {exception.Message}");
        }
    }

    private static void Write(Terminal terminal, string form, List<CheckResult> results)
    {
        if (form == "table")
        {
            Documents.WriteTable(
                terminal,
                ["STATE", "ABOUT", "FOUND", "ADVICE"],
                results.Select(result => (string[])[NameOf(result.State), result.About, result.Says, result.Advice]));
            return;
        }

        Documents.Write(terminal, form, new JsonObject
        {
            ["checks"] = new JsonArray(
            [
                .. results.Select(result => new JsonObject
                {
                    ["state"] = NameOf(result.State),
                    ["about"] = result.About,
                    ["found"] = result.Says,
                    ["advice"] = result.Advice,
                }),
            ]),
        });
    }

    private static string NameOf(CheckState state) => state switch
    {
        CheckState.Ok => "ok",
        CheckState.Warn => "warn",
        _ => "fail",
    };
}
