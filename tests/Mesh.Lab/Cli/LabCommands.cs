using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Mesh.Lab.Demo;
using Mesh.Lab.Holding;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab.Cli;

/// <summary>The commands a person types. Each finds its lab by name, asks or acts, and says what came of it.</summary>
internal static class LabCommands
{
    private const string Usage =
        """
        Usage: lab COMMAND [--name LAB]

          up [--nodes N] [--config DIR]...   start a lab: nodes, pods, control plane, and an agent and a proxy per node
          status                             nodes, components, pods, services
          exec POD -- COMMAND...             run a command in a pod's network (or node-1's, or `fabric`, the link)
          apply -f FILE|DIR|-                create or change objects
          delete KIND NAME                   remove an object; -n NAMESPACE unless it is `default`
          logs [-f] [COMPONENT|POD]          what was written by control, node-1/agent, node-1/proxy or a pod
          stop|start|kill COMPONENT|POD      end it in order, start it, kill it (SIGKILL)
          capture [WHERE] [-i INTERFACE]     packets as they pass, for tcpdump -r -; without WHERE those between the nodes
          down                               end the lab; nothing is left
          list                               the labs there are

        POD is NAMESPACE/NAME, or NAME where one namespace has it, or NAME with -n NAMESPACE.

        Options of up:
          --nodes N              nodes node-1 to node-N (default 2)
          --config DIR|FILE      manifests to start with; may be repeated
          --no-mesh              the same pods without control plane, agents and proxies
          --capture tproxy|redirect            how traffic is captured (default tproxy)
          --same-node auto|direct|network      how pods of one node are joined (default auto)
          --trust-domain NAME    (default cluster.local)
          --svid-ttl TIME        lifetime of workload certificates, such as 30s or 24h
          --node-config JSON     members laid over every node's configuration file
          --mesh-node FILE, --mesh-control FILE   executables to run instead of the published ones
          --debug                run the plain Debug builds instead of the published executables
          --no-wait              do not wait until everything is ready
          --userns               a user namespace even for root, as an ordinary user's lab has

        A lab is made of network namespaces of one process; ending that process ends all of it. Root is not needed.
        """;

    public static async Task<int> RunAsync(string[] arguments)
    {
        string command = arguments.Length == 0 ? "help" : arguments[0];
        var reader = new ArgumentReader(command, arguments.Skip(1));
        switch (command)
        {
            case "up":
                return await UpAsync(reader);
            case "down":
                return await DownAsync(reader);
            case "status":
                return await StatusAsync(reader);
            case "exec":
                return await ExecAsync(reader);
            case "capture":
                return await CaptureAsync(reader);
            case "apply":
                return await ApplyAsync(reader);
            case "delete":
                return await DeleteAsync(reader);
            case "logs":
                return await LogsAsync(reader);
            case "start" or "stop" or "kill":
                return await ControlAsync(command, reader);
            case "demo":
                return await DemoCommand.RunAsync(reader);
            case "list":
                return List(reader);
            case "help" or "--help" or "-h":
                Console.WriteLine(Usage);
                return 0;
            default:
                throw new LabException($"there is no command '{command}'; see `lab help`");
        }
    }

    private static string LabName(ArgumentReader reader) => reader.Option("--name") ?? "default";

    private static async Task<int> UpAsync(ArgumentReader reader)
    {
        bool waits = !reader.Flag("--no-wait");
        LabOptions options = ReadOptions(reader);
        reader.End();
        using var interrupted = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            interrupted.Cancel();
        };
        long startedAt = Stopwatch.GetTimestamp();
        await Console.Error.WriteLineAsync($"Starting lab '{options.Name}'");
        LabClient? client = null;
        LabStatus status;
        try
        {
            (client, Process unshare) = await LabStarter.StartAsync(options, isOwned: false, interrupted.Token);
            unshare.Dispose();
            status = waits
                ? await Readiness.WaitAsync(client, TimeSpan.FromSeconds(60), interrupted.Token)
                : await client.StatusAsync(interrupted.Token);
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            if (client is not null)
            {
                await LabStarter.EndAsync(client);
            }

            throw new LabException("up: interrupted; nothing is left of the lab");
        }

        Console.WriteLine(StatusText.Render(status));
        double seconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Up after {seconds:0.0} s. `lab down` ends it."));
        string[] unready = [.. Readiness.Missing(status)];
        if (waits && unready.Length > 0)
        {
            throw LabException.FromProblems("the lab is up, but not everything is ready (`lab logs NAME` tells more):", unready);
        }

        return 0;
    }

    private static LabOptions ReadOptions(ArgumentReader reader)
    {
        string nodes = reader.Option("--nodes") ?? "2";
        if (!int.TryParse(nodes, CultureInfo.InvariantCulture, out int count) || count is < 1 or > LabAddresses.NodeCountMax)
        {
            throw new LabException($"up: --nodes '{nodes}' is not a number from 1 to {LabAddresses.NodeCountMax}");
        }

        var overrides = new JsonObject();
        if (reader.Option("--node-config") is { } json)
        {
            overrides = ParseObject(json);
        }

        if (reader.Option("--capture") is { } capture)
        {
            Section(overrides, "capture")["mode"] = OneOf("--capture", capture, "tproxy", "redirect");
        }

        if (reader.Option("--same-node") is { } sameNode)
        {
            Section(overrides, "proxy")["sameNode"] = OneOf("--same-node", sameNode, "auto", "direct", "network");
        }

        bool hasMesh = !reader.Flag("--no-mesh");
        Builds builds = reader.Flag("--debug") ? Builds.Debug : Builds.Published;
        return new LabOptions
        {
            Name = LabName(reader),
            Nodes = count,
            Manifests = [.. reader.Options("--config").Select(Path.GetFullPath)],
            HasMesh = hasMesh,
            WantsUserNamespace = reader.Flag("--userns"),
            MeshNode = hasMesh ? builds.Find("mesh-node", reader.Option("--mesh-node")) : "",
            MeshControl = hasMesh ? builds.Find("mesh-control", reader.Option("--mesh-control")) : "",
            ToolDirectories = [builds.ToolDirectory],
            TrustDomain = reader.Option("--trust-domain") ?? "cluster.local",
            CertificateLifetime = reader.Option("--svid-ttl"),
            NodeConfiguration = overrides,
        };
    }

    private static JsonObject ParseObject(string json)
    {
        try
        {
            return JsonNode.Parse(json) as JsonObject ?? throw new LabException("up: --node-config is not a JSON object");
        }
        catch (System.Text.Json.JsonException exception)
        {
            throw new LabException($"up: --node-config: {exception.Message}", exception);
        }
    }

    private static JsonObject Section(JsonObject configuration, string name)
    {
        if (configuration[name] is not JsonObject section)
        {
            section = [];
            configuration[name] = section;
        }

        return section;
    }

    private static string OneOf(string option, string value, params string[] allowed)
    {
        return allowed.Contains(value) ? value : throw new LabException($"up: {option} '{value}' is none of {string.Join(", ", allowed)}");
    }

    private static async Task<int> DownAsync(ArgumentReader reader)
    {
        string name = LabName(reader);
        reader.End();
        LabDirectory directory = LabDirectory.Of(name);
        if (!directory.Exists)
        {
            string hint = LabDirectory.Names() is { Count: > 0 } names ? $"; there are: {string.Join(", ", names)}" : "";
            throw new LabException($"there is no lab '{name}'{hint}");
        }

        if (directory.FindHolder() is { } holder)
        {
            await LabStarter.EndAsync(new LabClient(directory, holder));
        }
        else
        {
            directory.EnsureReadable();
            Directory.Delete(directory.FullPath, recursive: true);
        }

        Console.WriteLine($"Lab '{name}' is gone.");
        return 0;
    }

    private static async Task<int> StatusAsync(ArgumentReader reader)
    {
        LabClient client = LabClient.Find(LabName(reader));
        bool isJson = reader.Flag("--json");
        reader.End();
        LabStatus status = await client.StatusAsync();
        Console.WriteLine(isJson ? System.Text.Json.JsonSerializer.Serialize(status, JsonText.Indented) : StatusText.Render(status));
        return 0;
    }

    private static async Task<int> ExecAsync(ArgumentReader reader)
    {
        LabClient client = LabClient.Find(LabName(reader));
        string? space = reader.Option("-n", "--namespace");
        string target = reader.RequiredWord("the pod");
        reader.End();
        if (reader.Tail is not { Count: > 0 })
        {
            throw new LabException("exec: the command is missing: exec POD -- COMMAND...");
        }

        LabStatus status = await client.StatusAsync();
        ProcessStartInfo start = client.Describe(Target.NetworkNamespace(status, target, space), reader.Tail);
        start.Environment["PATH"] = string.Join(':', Builds.Published.ToolDirectory, start.Environment["PATH"]);

        // The keys pressed are for the command; this process only passes its status on.
        Console.CancelKeyPress += (_, pressed) => pressed.Cancel = true;
        using Process process = Command.Start(start);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private static async Task<int> CaptureAsync(ArgumentReader reader)
    {
        LabClient client = LabClient.Find(LabName(reader));
        string? space = reader.Option("-n", "--namespace");
        string? networkInterface = reader.Option("-i", "--interface");
        string place = Target.NetworkNamespace(await client.StatusAsync(), reader.Word() ?? Fabric.OutsideNamespace, space);
        reader.End();
        networkInterface ??= place == Fabric.OutsideNamespace ? Fabric.LinkInterface : "eth0";
        ProcessStartInfo sniff = client.Describe(place, [.. Executable.OfTheLab, "sniff", networkInterface]);
        Console.CancelKeyPress += (_, pressed) => pressed.Cancel = true;

        // A terminal is shown what tcpdump makes of the packets; anything else gets the packets.
        const string Shown = "\"$@\" | tcpdump -n -l -A -r -";
        using Process process = Command.Start(Console.IsOutputRedirected
            ? sniff
            : new ProcessStartInfo("sh", ["-c", Shown, "sh", sniff.FileName, .. sniff.ArgumentList]));
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

    private static async Task<int> ApplyAsync(ArgumentReader reader)
    {
        LabClient client = LabClient.Find(LabName(reader));
        List<string> paths = reader.Options("-f", "--filename");
        reader.End();
        if (paths.Count == 0)
        {
            throw new LabException("apply: -f FILE|DIR|- is missing");
        }

        var documents = new List<ManifestText>();
        foreach (string path in paths)
        {
            documents.AddRange(path == "-"
                ? [new ManifestText(await Console.In.ReadToEndAsync(), "standard input")]
                : ManifestReader.ReadFiles(path));
        }

        LabResponse response = await client.SendAsync(new LabRequest.Apply(documents));
        foreach (string line in response.Lines)
        {
            Console.WriteLine(line);
        }

        return 0;
    }

    private static async Task<int> DeleteAsync(ArgumentReader reader)
    {
        LabClient client = LabClient.Find(LabName(reader));
        string? space = reader.Option("-n", "--namespace");
        string kind = KindNames.Canonical(reader.RequiredWord("the kind"));
        string name = reader.RequiredWord("the name");
        reader.End();
        if (name.Split('/') is [var given, var rest])
        {
            (space, name) = (given, rest);
        }

        string @namespace = Manifest.BelongsToNoNamespace(kind) ? "" : space ?? "default";
        LabResponse response = await client.SendAsync(new LabRequest.Delete(kind, @namespace, name));
        foreach (string line in response.Lines)
        {
            Console.WriteLine(line);
        }

        return 0;
    }

    private static async Task<int> LogsAsync(ArgumentReader reader)
    {
        LabDirectory directory = LabDirectory.Of(LabName(reader));
        bool follows = reader.Flag("-f", "--follow");
        string? space = reader.Option("-n", "--namespace");
        string? what = reader.Word();
        reader.End();
        if (!directory.Exists)
        {
            throw new LabException($"there is no lab '{LabName(reader)}'");
        }

        // From the disk, so that the logs of a lab that crashed can still be read.
        string[] logs = Directory.Exists(directory.Logs)
            ? [.. Directory.EnumerateFiles(directory.Logs, "*.log").Order(StringComparer.Ordinal)]
            : [];
        string[] chosen = what is null ? [directory.HolderLog, .. logs] : [Target.LogFile(logs, what, space)];
        if (follows || chosen.Length == 1)
        {
            using Process tail = Command.Start(new ProcessStartInfo("tail", ["-n", "+1", .. follows ? (string[])["-F"] : [], .. chosen]));
            await tail.WaitForExitAsync();
            return tail.ExitCode;
        }

        foreach (string log in chosen.Where(File.Exists))
        {
            Console.WriteLine($"── {Path.GetFileNameWithoutExtension(log)}");
            Console.Write(await File.ReadAllTextAsync(log));
        }

        return 0;
    }

    private static async Task<int> ControlAsync(string verb, ArgumentReader reader)
    {
        LabClient client = LabClient.Find(LabName(reader));
        string? space = reader.Option("-n", "--namespace");
        string name = reader.RequiredWord("what to " + verb);
        reader.End();
        LabStatus status = await client.StatusAsync();
        string target = status.Components.Any(component => component.Name == name)
            ? name
            : $"pod/{Target.Pod(status, name, space).QualifiedName}";
        await client.SendAsync(new LabRequest.Control(verb, target));
        return 0;
    }

    private static int List(ArgumentReader reader)
    {
        reader.End();
        foreach (string name in LabDirectory.Names())
        {
            Console.WriteLine(LabDirectory.Of(name).FindHolder() is null ? $"{name}  ended" : $"{name}  running");
        }

        return 0;
    }
}
