using System.Diagnostics;
using System.Globalization;
using Mesh.Lab.Cli;
using Mesh.Testing;
using Xunit;

namespace Mesh.Lab.Tests;

/// <summary>A lab's own life: what is left when it ends, in order or not.</summary>
public sealed class LifeTests
{
    private static readonly LabOptions s_options = new() { HasMesh = false, Nodes = 1 };

    [LabTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_is_left_of_a_lab_that_ends(bool inUserNamespace)
    {
        string marker = Guid.NewGuid().ToString();
        MeshLab lab = await StartWithSleeperAsync(marker, inUserNamespace);
        Assert.NotEmpty(ProcessesWith(marker));
        string directory = Path.GetDirectoryName(lab.ControlStateDirectory)!;

        await lab.DisposeAsync();

        Assert.Empty(ProcessesWith(marker));
        Assert.False(Directory.Exists(directory));
    }

    [LabFact]
    public async Task Nothing_but_its_logs_is_left_of_a_lab_that_crashes()
    {
        string marker = Guid.NewGuid().ToString();
        await using MeshLab lab = await StartWithSleeperAsync(marker);
        string directory = Path.GetDirectoryName(lab.ControlStateDirectory)!;
        HolderProcess holder = LabDirectory.Of(Path.GetFileName(directory)).FindHolder()!;

        using (var process = Process.GetProcessById(holder.ProcessId))
        {
            process.Kill();
        }

        await Eventually.TrueAsync(() => ProcessesWith(marker).Count == 0 && !holder.IsAlive, TimeSpan.FromSeconds(30));
        Assert.Null(LabDirectory.Of(Path.GetFileName(directory)).FindHolder());
        LabException gone = await Assert.ThrowsAsync<LabException>(lab.StatusAsync);
        Assert.Contains("does not answer", gone.Message, StringComparison.Ordinal);

        Assert.Equal(0, await LabCommands.RunAsync(["down", "--name", Path.GetFileName(directory)]));
        Assert.False(Directory.Exists(directory));
    }

    [LabFact]
    public async Task Nothing_is_left_of_a_lab_whose_start_is_interrupted()
    {
        LabOptions options = s_options with { Name = $"interrupted-{Guid.NewGuid():N}"[..24] };
        LabDirectory directory = LabDirectory.Of(options.Name);
        using var interrupted = new CancellationTokenSource();
        await interrupted.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => LabStarter.StartAsync(options, isOwned: false, interrupted.Token));
        Assert.False(directory.Exists);
    }

    [LabFact]
    public async Task Two_labs_with_the_same_pods_and_addresses_do_not_meet()
    {
        await using MeshLab first = await StartWithSleeperAsync("first");
        await using MeshLab second = await StartWithSleeperAsync("second");
        LabPod one = await first.PodAsync("default/sleeper");
        LabPod other = await second.PodAsync("default/sleeper");

        using var listener = await one.ListenAsync(9000);
        await Assert.ThrowsAsync<System.Net.Sockets.SocketException>(() => other.ConnectAsync(one.EndPoint(9000)));
    }

    [LabFact]
    public async Task A_lab_that_cannot_start_says_why_and_leaves_nothing()
    {
        string missing = Path.Combine(Path.GetTempPath(), "mesh-lab-nosuch.yaml");

        LabException failed = await Assert.ThrowsAsync<LabException>(() => MeshLab.StartAsync(s_options with { Manifests = [missing] }));

        Assert.Contains(missing, failed.Message, StringComparison.Ordinal);
    }

    private static async Task<MeshLab> StartWithSleeperAsync(string marker, bool inUserNamespace = false)
    {
        MeshLab lab = await MeshLab.StartAsync(s_options with { WantsUserNamespace = inUserNamespace });
        await lab.ApplyAsync($$"""
            kind: Pod
            metadata: {name: sleeper}
            spec: {containers: [{command: [sh, -c, "sleep 1000 & wait # {{marker}}"]}]}
            """);
        await lab.WaitUntilReadyAsync(TimeSpan.FromSeconds(30));
        return lab;
    }

    private static List<int> ProcessesWith(string marker)
    {
        var found = new List<int>();
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            try
            {
                if (int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out int id)
                    && File.ReadAllText(Path.Combine(directory, "cmdline")).Contains(marker, StringComparison.Ordinal))
                {
                    found.Add(id);
                }
            }
            catch (IOException)
            {
                // It ended while it was looked at.
            }
        }

        return found;
    }
}
