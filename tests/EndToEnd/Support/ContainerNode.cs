using System.Diagnostics;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd.Support;

/// <summary>A containerd of the test's own, with runc. It takes its containers with it.</summary>
public sealed class ContainerNode : IAsyncLifetime
{
    /// <summary>In containerd, and so among control groups, where containers of other tests may be.</summary>
    private readonly string _namespace = $"mesh-test-{Guid.NewGuid():N}"[..20];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-containers-");
    private readonly List<string> _containers = [];
    private Process? _daemon;

    /// <summary>Containers need root that is root outside of any namespace of users; null when it is.</summary>
    public static string? Obstacle { get; } =
        File.ReadAllText("/proc/self/uid_map").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is ["0", "0", "4294967295"]
            ? null
            : "Containers are run by root alone: run the tests as root.";

    public string Folder => _folder.FullName;

    private string Socket => Path.Combine(Folder, "containerd.sock");

    /// <summary>The archive of an image.</summary>
    public static string Archive(string image) => Output($"{image}.tar");

    /// <summary>A file that `./run.sh image` makes.</summary>
    public static string Output(string file)
    {
        string path = Path.Combine(Repository.Root, "artifacts", "images", file);
        Assert.True(File.Exists(path), $"{path} is missing: run ./run.sh image");
        return path;
    }

    public async ValueTask InitializeAsync()
    {
        if (Obstacle is not null)
        {
            return;
        }

        // The plug-ins that are left out look for file systems that no test needs. Its usual limit for a container to say how it is (2 s)
        // is not for a machine that does much else.
        string configuration = Path.Combine(Folder, "config.toml");
        await File.WriteAllTextAsync(configuration, $"""
            version = 2
            root = "{Folder}/root"
            state = "{Folder}/state"
            disabled_plugins = [
              "io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
              "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
            ]
            [grpc]
            address = "{Socket}"
            [timeouts]
            "io.containerd.timeout.shim.cleanup" = "60s"
            "io.containerd.timeout.shim.load" = "60s"
            "io.containerd.timeout.shim.shutdown" = "60s"
            "io.containerd.timeout.task.state" = "60s"
            """);
        string log = Path.Combine(Folder, "containerd.log");
        _daemon = Process.Start(new ProcessStartInfo(
            "sh", ["-c", "exec containerd --config \"$1\" --log-level warn >\"$2\" 2>&1", "sh", configuration, log]))!;
        try
        {
            await Eventually.TrueAsync(
                async () => (await Host.TryAsync("ctr", "--address", Socket, "version")).Status == 0, TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException late)
        {
            throw new LabException($"containerd does not start on this machine:\n{await File.ReadAllTextAsync(log)}", late);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (string container in _containers)
        {
            await Host.TryAsync("ctr", [.. Prefix, "tasks", "delete", "--force", container]);
            await Host.TryAsync("ctr", [.. Prefix, "containers", "delete", container]);
        }

        if (_daemon is not null)
        {
            _daemon.Kill();
            await _daemon.WaitForExitAsync();
            _daemon.Dispose();
        }

        foreach (string hierarchy in Directory.EnumerateDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup"))
        {
            RemoveGroup(Path.Combine(hierarchy, _namespace));
        }

        _folder.Delete(recursive: true);
    }

    /// <summary>Brings an archive into containerd.</summary>
    /// <returns>The image's digest, as containerd has it.</returns>
    public async Task<string> ImportAsync(string image)
    {
        await ControlAsync("images", "import", "--snapshotter", "native", Archive(image));
        string[] listed = (await ControlAsync("images", "list")).Split('\n');
        string line = Assert.Single(listed, line => line.StartsWith($"docker.io/library/{image}:", StringComparison.Ordinal));
        return line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Single(word => word.StartsWith("sha256:", StringComparison.Ordinal));
    }

    /// <summary>Starts a container with what its manifest allows it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="manifest">By whom its image and its security settings are given.</param>
    /// <param name="tag">The image's tag.</param>
    /// <param name="network">The network namespace it has.</param>
    /// <param name="mounts">What it sees of the host: there, and in the container; with `:ro` behind it, not to be written.</param>
    /// <param name="command">What it runs.</param>
    public async Task StartAsync(
        string name,
        ContainerManifest manifest,
        string tag,
        string network,
        IReadOnlyList<(string Host, string Inside)> mounts,
        params string[] command)
    {
        List<string> options = ["run", "--detach", "--snapshotter", "native", "--seccomp", "--log-uri", $"file://{LogOf(name)}"];
        options.AddRange(["--with-ns", $"network:/run/netns/{network}", .. manifest.Options()]);
        foreach ((string host, string inside) in mounts)
        {
            bool isReadOnly = inside.EndsWith(":ro", StringComparison.Ordinal);
            string place = isReadOnly ? inside[..^3] : inside;
            options.AddRange(["--mount", $"type=bind,src={host},dst={place},options=rbind:{(isReadOnly ? "ro" : "rw")}"]);
        }

        _containers.Add(name);
        await ControlAsync([.. options, $"docker.io/library/{manifest.Image}:{tag}", name, .. command]);
    }

    /// <summary>Runs a program in a container, as the user it was started as.</summary>
    /// <returns>What it printed.</returns>
    public Task<string> ExecuteAsync(string name, params string[] command) =>
        ControlAsync(["tasks", "exec", "--exec-id", $"e{Guid.NewGuid():N}", name, .. command]);

    /// <summary>What the kernel says of a container's first process, by the names of /proc/PID/status.</summary>
    public async Task<IReadOnlyDictionary<string, string>> StatusAsync(string name)
    {
        string line = Assert.Single(
            (await ControlAsync("tasks", "list")).Split('\n'), line => line.StartsWith(name + " ", StringComparison.Ordinal));
        string pid = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return (await File.ReadAllLinesAsync($"/proc/{pid}/status"))
            .Select(entry => entry.Split(':', 2))
            .ToDictionary(parts => parts[0], parts => parts[1].Trim(), StringComparer.Ordinal);
    }

    /// <summary>What a container has written so far.</summary>
    public async Task<string> LogAsync(string name)
    {
        if (!File.Exists(LogOf(name)))
        {
            return "";
        }

        await using FileStream stream = new(LogOf(name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using StreamReader reader = new(stream);
        return await reader.ReadToEndAsync();
    }

    // runc removes the groups of containers, and leaves the one that they were in.
    private static void RemoveGroup(string group)
    {
        try
        {
            if (Directory.Exists(group))
            {
                Directory.Delete(group);
            }
        }
        catch (IOException)
        {
            // A process that was killed is still on its way out; an empty group that is left over disturbs nothing.
        }
    }

    private string[] Prefix => ["--address", Socket, "--namespace", _namespace];

    private string LogOf(string name) => Path.Combine(Folder, name + ".log");

    private Task<string> ControlAsync(params string[] arguments) => Host.RunAsync("ctr", [.. Prefix, .. arguments]);
}
