using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab.Holding;

/// <summary>
/// The process a lab lives in. It runs in user, mount, network and process namespaces of its own, made by <see cref="LabStarter"/>, and
/// everything it starts lives in them: when it ends, by whatever cause, the kernel takes all of it away. It answers requests on a socket
/// under /run of its mount namespace.
/// </summary>
internal sealed class Holder : IDisposable
{
    public const string SocketPath = Entry.RuntimeDirectory + "/lab.sock";

    private readonly LabOptions _options;
    private readonly Cluster _cluster;
    private readonly Components _components;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Holder(LabOptions options, string stateDirectory)
    {
        _options = options;
        _cluster = new Cluster(options, stateDirectory);
        _components = new Components(options, stateDirectory);
    }

    /// <param name="stateDirectory">Holds options.json; everything the lab writes to disk goes here.</param>
    /// <param name="endsWithInput">The lab ends when standard input does: whoever holds the other end owns it.</param>
    public static async Task<int> RunAsync(string stateDirectory, bool endsWithInput)
    {
        string text = await File.ReadAllTextAsync(Path.Combine(stateDirectory, "options.json"));
        LabOptions options = JsonSerializer.Deserialize<LabOptions>(text)!;
        using var holder = new Holder(options, stateDirectory);
        if (endsWithInput)
        {
            _ = holder.EndWithInputAsync();
        }

        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            holder._ended.TrySetResult();
        });
        Task lab = holder.RunAsync(stateDirectory);
        await Task.WhenAny(lab, holder._ended.Task);
        if (lab.IsFaulted)
        {
            await lab;
        }

        return 0;
    }

    public void Dispose()
    {
        _components.Dispose();
        _cluster.Dispose();
    }

    private async Task RunAsync(string stateDirectory)
    {
        await PrepareAsync(stateDirectory);
        var problems = new List<string>();
        List<Manifest> manifests = [.. _options.Manifests.SelectMany(path => ManifestReader.ReadPath(path, problems))];
        if (problems.Count > 0)
        {
            throw LabException.FromProblems("the lab was not started:", problems);
        }

        await Fabric.CreateAsync();
        string[] named = [.. manifests.Where(manifest => manifest.Key.Kind == "Node").Select(manifest => manifest.Key.Name)];
        foreach (string node in Enumerable.Range(1, _options.Nodes).Select(number => $"node-{number}").Union(named))
        {
            await _cluster.AddNodeAsync(node);
        }

        await _cluster.ApplyAsync(manifests);
        if (_options.HasMesh)
        {
            await _components.StartAsync(_cluster.Nodes, _cluster.ConfigurationDirectory);
        }

        await ServeAsync();
    }

    private static async Task PrepareAsync(string stateDirectory)
    {
        await Command.RunAsync(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]);
        Directory.CreateDirectory(Entry.RuntimeDirectory);
        Directory.CreateDirectory(Path.Combine(stateDirectory, "logs"));
        Entry.WriteScript();
    }

    private async Task ServeAsync()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        // Bound under another name and renamed, so that whoever sees the name can connect.
        listener.Bind(new UnixDomainSocketEndPoint(SocketPath + ".new"));
        listener.Listen();
        File.Move(SocketPath + ".new", SocketPath);
        while (true)
        {
            Socket connection = await listener.AcceptAsync();
            _ = AnswerAsync(connection);
        }
    }

    private async Task AnswerAsync(Socket connection)
    {
        try
        {
            await using var stream = new NetworkStream(connection, ownsSocket: true);
            using var reader = new StreamReader(stream);
            string? line = await reader.ReadLineAsync();
            if (line is null)
            {
                return;
            }

            LabResponse response;
            LabRequest? request = null;
            try
            {
                request = JsonSerializer.Deserialize<LabRequest>(line)!;
                response = await ActAsync(request);
            }
            catch (Exception exception)
            {
                // A request that fails must not take the lab along. What is not meant for the user is a defect, and shown whole.
                response = new LabResponse { Error = exception is LabException ? exception.Message : exception.ToString() };
            }

            await stream.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(response));
            connection.Shutdown(SocketShutdown.Send);
            if (request is LabRequest.Stop)
            {
                _ended.TrySetResult();
            }
        }
        catch (IOException)
        {
            // The asker has gone away.
        }
    }

    private async Task<LabResponse> ActAsync(LabRequest request)
    {
        switch (request)
        {
            case LabRequest.Apply apply:
                var problems = new List<string>();
                List<Manifest> manifests =
                [
                    .. apply.Documents.SelectMany(document => ManifestReader.ReadText(document.Text, document.Source, problems)),
                ];
                return problems.Count > 0
                    ? throw LabException.FromProblems("nothing was applied:", problems)
                    : new LabResponse { Lines = await _cluster.ApplyAsync(manifests) };
            case LabRequest.Delete delete:
                return new LabResponse { Lines = await _cluster.DeleteAsync(new ObjectKey(delete.Kind, delete.Namespace, delete.Name)) };
            case LabRequest.Status:
                return new LabResponse { Status = await _cluster.StatusAsync(await _components.StatusAsync()) };
            case LabRequest.Control control:
                await ControlAsync(control.Verb, control.Target);
                return new LabResponse();
            case LabRequest.Stop:
                await _cluster.StopPodsAsync();
                await _components.StopAllAsync();
                return new LabResponse();
            default:
                throw new LabException($"the lab knows no request '{request.GetType().Name}'");
        }
    }

    private async Task ControlAsync(string verb, string target)
    {
        string[] pod = target.Split('/');
        if (pod is ["pod", var space, var name])
        {
            LabProcess process = await _cluster.FindPodProcessAsync(new ObjectKey("Pod", space, name));
            await (verb switch
            {
                "stop" => process.StopAsync(TimeSpan.FromSeconds(2)),
                "start" => Run(process.Start),
                _ => process.KillAsync(),
            });
            return;
        }

        await (verb switch
        {
            "stop" => _components.StopAsync(target),
            "start" => Run(() => _components.Start(target)),
            _ => _components.KillAsync(target),
        });
    }

    private static Task Run(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    private async Task EndWithInputAsync()
    {
        await using Stream input = Console.OpenStandardInput();
        byte[] buffer = new byte[1];
        while (await input.ReadAsync(buffer) > 0)
        {
            // Nothing is ever sent; only the end means something.
        }

        _ended.TrySetResult();
    }
}
