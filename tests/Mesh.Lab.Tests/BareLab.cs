using Xunit;

namespace Mesh.Lab.Tests;

/// <summary>A lab without a mesh: two nodes, a pod on each, and a service.</summary>
public sealed class BareLab : IAsyncLifetime
{
    private MeshLab? _lab;

    public MeshLab Lab => _lab ?? throw new InvalidOperationException("The lab is started by the runner, before the first test.");

    public async ValueTask InitializeAsync()
    {
        _lab = await MeshLab.StartAsync(new LabOptions { HasMesh = false, Nodes = 2 });
        await _lab.ApplyAsync(
            """
            kind: Pod
            metadata: {name: client, namespace: shop}
            spec: {nodeName: node-1, containers: [{name: main}]}
            ---
            kind: Pod
            metadata: {name: server, namespace: shop, labels: {app: server}}
            spec: {nodeName: node-2, containers: [{name: main, ports: [{name: web, containerPort: 8080}]}]}
            ---
            kind: Service
            metadata: {name: server, namespace: shop}
            spec: {selector: {app: server}, ports: [{port: 80, targetPort: web}]}
            """);
        await _lab.WaitUntilReadyAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        if (_lab is not null)
        {
            await _lab.DisposeAsync();
        }
    }
}
