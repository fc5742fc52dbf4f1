using System.Globalization;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>What a control plane costs the machine it runs on.</summary>
[Collection(nameof(TproxyGroup))]
public sealed class ControlPlaneTests(TproxyLab fixture)
{
    private readonly MeshLab _lab = fixture.Lab;

    [LabFact]
    public async Task It_watches_its_configuration_and_nothing_else_of_the_file_system()
    {
        // It is started at the root, below which there are tens of thousands of folders.
        ComponentStatus control = (await _lab.StatusAsync()).Components.Single(component => component.Name == "control");
        string process = control.ProcessId!.Value.ToString(CultureInfo.InvariantCulture);
        CommandResult watches = await _lab.ExecuteAsync("node-1", ["sh", "-c", $"cat /proc/{process}/fdinfo/* | grep -c ^inotify"]);
        Assert.InRange(int.Parse(watches.Output, CultureInfo.InvariantCulture), 1, 10);
    }
}
