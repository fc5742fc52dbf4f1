using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Mesh.Control.Cli.Installation;
using Mesh.Control.Cli.Output;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cli.Commands;

/// <summary>Installs the mesh in a cluster.</summary>
internal static partial class InstallCommand
{
    private const int TimeoutSecondsDefault = 300;

    private const string Help = """
        Installs the mesh in a cluster: what kubectl apply -k deploy/daemonset would, or prints it.

        Objects are applied in the name of meshctl. A field that somebody else has set otherwise, such as a key of node.json, is a
        conflict and named; --force sets it all the same. Definitions of kinds that are there already and are not of this mesh, such as
        Istio's, are left as they are. It can be run again: what is as it should be does not change.

        Examples:
          meshctl install
          meshctl install --registry registry.example.com/mesh --tag 0.1.0
          meshctl install --dry-run -o yaml > mesh.yaml
          meshctl install --context staging --timeout 600

        Ends with 1 when something is refused, or is not ready in time; what was applied stays.
        """;

    public static Command Create(Terminal terminal)
    {
        var registry = new Option<string>("--registry")
        {
            Description = "Where nodes pull images from, such as registry.example.com/mesh.",
            HelpName = "PLACE",
            DefaultValueFactory = _ => string.Empty,
        };
        var tag = new Option<string?>("--tag") { Description = "The images' tag; this version's without it.", HelpName = "TAG" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Prints the objects and does nothing." };
        var timeout = new Option<int>("--timeout")
        {
            Description = "For how many seconds it is waited until all is ready; 0 for not at all.",
            HelpName = "SECONDS",
            DefaultValueFactory = _ => TimeoutSecondsDefault,
        };
        var force = new Option<bool>("--force") { Description = "Sets fields that others have set otherwise." };
        Option<string> form = Documents.FormOption("yaml", "json");
        registry.Validators.Add(result =>
        {
            if (result.GetValue(registry) is { Length: > 0 } place && !Place().IsMatch(place))
            {
                result.AddError($"'{place}' is not a place of images.");
            }
        });
        tag.Validators.Add(result =>
        {
            if (result.GetValue(tag) is { } text && !Tag().IsMatch(text))
            {
                result.AddError($"'{text}' is not a tag.");
            }
        });
        timeout.Validators.Add(result =>
        {
            if (result.GetValue(timeout) < 0)
            {
                result.AddError("--timeout is less than 0.");
            }
        });
        var cluster = new ClusterOptions();
        var command = new Command("install", Help) { registry, tag, dryRun, force, form, timeout };
        cluster.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            string place = parsed.GetValue(registry)!.TrimEnd('/');
            ImmutableArray<JsonObject> objects = InstallManifests.Render(place.Length == 0 ? place : $"{place}/", parsed.GetValue(tag));
            if (parsed.GetValue(dryRun))
            {
                Write(terminal, parsed.GetValue(form)!, objects);
                return ExitCode.Fine;
            }

            using KubernetesApi api = cluster.Open(parsed);
            var installer = new Installer(new KubernetesObjects(api), parsed.GetValue(force), terminal.Output, TimeSpan.FromSeconds(0.5));
            await InstallAsync(terminal, api, installer, objects, TimeSpan.FromSeconds(parsed.GetValue(timeout)), cancellation);
            return ExitCode.Fine;
        });
        return command;
    }

    private static async Task InstallAsync(
        Terminal terminal,
        KubernetesApi api,
        Installer installer,
        ImmutableArray<JsonObject> objects,
        TimeSpan timeout,
        CancellationToken cancellation)
    {
        // A definition takes a moment to be served even where nobody waits for the rest.
        TimeSpan ofDefinitions = TimeSpan.FromSeconds(Math.Max(timeout.TotalSeconds, 30));
        try
        {
            await installer.ApplyAsync(objects, ofDefinitions, cancellation);
            if (timeout > TimeSpan.Zero)
            {
                await installer.WaitAsync(objects, timeout, cancellation);
            }
        }
        catch (Exception exception) when (exception is ApiException or HttpRequestException)
        {
            throw new CommandException($"{api.Address}: {exception.Message}");
        }

        await terminal.Output.WriteLineAsync("A namespace joins with: kubectl label namespace NAME mesh-node.io/capture=enabled");
    }

    private static void Write(Terminal terminal, string form, ImmutableArray<JsonObject> objects)
    {
        if (form == "json")
        {
            Documents.Write(terminal, form, new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "List",
                ["items"] = new JsonArray([.. objects]),
            });
            return;
        }

        foreach (JsonObject manifest in objects)
        {
            terminal.Output.WriteLine("---");
            Documents.Write(terminal, form, manifest);
        }
    }

    [GeneratedRegex(@"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)*/?\z")]
    private static partial Regex Place();

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\z")]
    private static partial Regex Tag();
}
